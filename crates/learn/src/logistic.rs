//! Multinomial logistic regression with an L2 penalty: the linear probe.
//!
//! Least is the mean of the rows' losses, −ln p of their own class, plus `penalty / 2n` times the squares of all weights,
//! biases excepted: scikit-learn's `LogisticRegression` with `C = 1 / penalty`. Between vectors of one model most is
//! common to all of them; what is learned from is the difference from their mean. As biases are free this changes the
//! way to the minimum and not the minimum.

use crate::curvature::Curvature;
use crate::error::{Error, Result, zeros};
use crate::lbfgs::{self, Limits, Outcome};
use crate::product::Matrix;
use crate::rows::{BLOCK, Rows};
use crate::{Interrupt, dot};

/// The norm of the gradient, in the coordinates of [`Curvature`], that ends it: half its square is about what the loss is too
/// high by, where it curves as in the beginning.
const GRADIENT: f64 = 1e-4;
/// What rounding to single precision does to the mean loss.
const NOISE: f64 = 1e-6;
/// Most iterations: without a penalty, classes that can be told apart without an error have no minimum.
const ITERATIONS: usize = 1000;

/// How to learn.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The penalty.
    pub penalty: f64,
    /// Whether each class counts the same, however many rows it has.
    pub balanced: bool,
}

/// `weights · x + bias` for each class, where `x` is a unit vector: softmax makes probabilities of these.
#[derive(Clone, Debug)]
pub struct Linear {
    /// A row for each class.
    pub weights: Vec<f32>,
    /// One for each class. They add up to 0 as do the weights.
    pub biases: Vec<f64>,
    /// How the minimisation went.
    pub outcome: Outcome,
}

/// Learns to tell classes, numbered from 0, apart.
///
/// # Errors
/// Fewer than two of the classes have rows, the penalty is none, there is no memory, or it was interrupted.
///
/// # Panics
/// There are not as many labels as rows, or a label beyond the number of classes.
pub fn train(
    rows: &Rows<'_>,
    labels: &[usize],
    classes: usize,
    options: Options,
    interrupt: Interrupt<'_>,
) -> Result<Linear> {
    assert_eq!(rows.len(), labels.len(), "a label for each row");
    let Options { penalty, balanced } = options;
    check(penalty)?;
    let mut members = zeros(classes)?;
    labels.iter().for_each(|&label| members[label] += 1_usize);
    let present = members.iter().filter(|&&members| members > 0).count();
    if present < 2 {
        return Err(Error::Classes(present));
    }
    let share = |&members: &usize| match (balanced, members) {
        (_, 0) => 0.0,
        (true, members) => 1.0 / (present as f64 * members as f64),
        (false, _) => 1.0 / rows.len() as f64,
    };
    let shares: Vec<f64> = members.iter().map(share).collect();
    let mut problem = Problem::new(rows, labels, shares, penalty / rows.len() as f64, interrupt)?;
    let dims = rows.dims();
    let mut x = zeros(classes * (dims + 1))?;
    let limits = Limits {
        gradient: GRADIENT,
        noise: NOISE,
        iterations: ITERATIONS,
    };
    let outcome = lbfgs::minimise(&mut x, limits, |x, gradient| problem.evaluate(x, gradient))?;
    problem.place(&x);
    Ok(Linear {
        weights: problem.singles,
        biases: problem.offsets,
        outcome,
    })
}

/// Checks a penalty.
///
/// # Errors
/// It is negative or not finite.
pub fn check(penalty: f64) -> Result<()> {
    match penalty >= 0.0 && penalty.is_finite() {
        true => Ok(()),
        false => Err(Error::Penalty(penalty)),
    }
}

/// The function that is to be least, of the coordinates of each class and then those of the biases.
struct Problem<'p> {
    rows: &'p Rows<'p>,
    labels: &'p [usize],
    order: Vec<usize>,
    /// What a row of each class counts.
    shares: Vec<f64>,
    penalty: f64,
    mean: Vec<f64>,
    curvature: Curvature,
    interrupt: Interrupt<'p>,
    /// Where the function was last asked for: weights, and biases for rows that the mean is not taken from.
    weights: Vec<f64>,
    singles: Vec<f32>,
    offsets: Vec<f64>,
    /// Rooms: a block of rows, what the weights make of it, and its part of the gradient.
    block: Vec<f32>,
    logits: Vec<f32>,
    part: Vec<f32>,
}

impl<'p> Problem<'p> {
    fn new(
        rows: &'p Rows<'p>,
        labels: &'p [usize],
        shares: Vec<f64>,
        penalty: f64,
        interrupt: Interrupt<'p>,
    ) -> Result<Self> {
        let (dims, classes) = (rows.dims(), shares.len());
        let order = rows.order(|at| labels[at])?;
        let mut block = rows.room()?;
        let mut mean: Vec<f64> = zeros(dims)?;
        for chunk in order.chunks(BLOCK) {
            interrupt()?;
            let widened = rows.widen(chunk, &mut block);
            for (&at, row) in chunk.iter().zip(widened.chunks_exact(dims)) {
                let factor = shares[labels[at]] * f64::from(rows.factor(at));
                mean.iter_mut()
                    .zip(row)
                    .for_each(|(mean, &x)| *mean += factor * f64::from(x));
            }
        }
        let share = |at| shares[labels[at]];
        let curvature = Curvature::new(rows, &order, share, &mean, classes, penalty, interrupt)?;
        Ok(Self {
            rows,
            labels,
            order,
            shares,
            penalty,
            mean,
            curvature,
            interrupt,
            weights: zeros(classes * dims)?,
            singles: zeros(classes * dims)?,
            offsets: zeros(classes)?,
            block,
            logits: zeros(classes * BLOCK.min(rows.len()))?,
            part: zeros(classes * dims)?,
        })
    }

    /// Makes weights and biases of coordinates.
    fn place(&mut self, x: &[f64]) {
        let (dims, classes) = (self.rows.dims(), self.shares.len());
        let (coordinates, biases) = x.split_at(classes * dims);
        self.weights.copy_from_slice(coordinates);
        for weights in self.weights.chunks_exact_mut(dims) {
            self.curvature.weights(weights);
        }
        for (single, &weight) in self.singles.iter_mut().zip(&self.weights) {
            *single = weight as f32;
        }
        let unit = self.bias_unit();
        let classes = self
            .offsets
            .iter_mut()
            .zip(biases)
            .zip(self.weights.chunks_exact(dims));
        for ((offset, bias), weights) in classes {
            *offset = bias * unit - dot(weights, &self.mean);
        }
    }

    /// The unit of a bias in coordinates in which the function curves as it does in the others.
    fn bias_unit(&self) -> f64 {
        (self.shares.len() as f64).sqrt()
    }

    fn evaluate(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        self.place(x);
        let (dims, classes) = (self.rows.dims(), self.shares.len());
        gradient.fill(0.0);
        let (gradients, bias_gradients) = gradient.split_at_mut(classes * dims);
        let mut loss = 0.0;
        for chunk in self.order.chunks(BLOCK) {
            (self.interrupt)()?;
            let block = Matrix::new(self.rows.widen(chunk, &mut self.block), dims);
            let logits = &mut self.logits[..chunk.len() * classes];
            block.times(Matrix::new(&self.singles, dims).transposed(), logits);
            for (&at, logits) in chunk.iter().zip(logits.chunks_exact_mut(classes)) {
                let (factor, label) = (self.rows.factor(at), self.labels[at]);
                let share = self.shares[label];
                loss += share
                    * residuals(logits, &self.offsets, factor, label, |class, residual| {
                        bias_gradients[class] += share * residual;
                        (share * residual) as f32 * factor
                    });
            }
            Matrix::new(logits, classes)
                .transposed()
                .times(block, &mut self.part);
            for (gradient, &part) in gradients.iter_mut().zip(&self.part) {
                *gradient += f64::from(part);
            }
        }
        let (mut squares, unit) = (0.0, self.bias_unit());
        let classes = gradients
            .chunks_exact_mut(dims)
            .zip(self.weights.chunks_exact(dims));
        for ((gradients, weights), bias_gradient) in classes.zip(bias_gradients) {
            squares += dot(weights, weights);
            for ((gradient, weight), mean) in gradients.iter_mut().zip(weights).zip(&self.mean) {
                *gradient += self.penalty * weight - *bias_gradient * mean;
            }
            self.curvature.gradient(gradients);
            *bias_gradient *= unit;
        }
        Ok(loss + self.penalty / 2.0 * squares)
    }
}

/// The loss of a row; its logits are replaced by what `part` makes of each class and what its probability is too high by.
fn residuals(
    logits: &mut [f32],
    offsets: &[f64],
    factor: f32,
    label: usize,
    mut part: impl FnMut(usize, f64) -> f32,
) -> f64 {
    let mut largest = f32::NEG_INFINITY;
    for (logit, &offset) in logits.iter_mut().zip(offsets) {
        *logit = logit.mul_add(factor, offset as f32);
        largest = logit.max(largest);
    }
    let own = f64::from(logits[label] - largest);
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = (*logit - largest).exp();
        sum += f64::from(*logit);
    }
    for (class, logit) in logits.iter_mut().enumerate() {
        let probability = f64::from(*logit) / sum;
        *logit = part(class, probability - f64::from(u8::from(class == label)));
    }
    sum.ln() - own
}
