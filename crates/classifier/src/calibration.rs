//! Scale and biases set right by embeddings that are there.
//!
//! Both fits find `k` and `b` for which the logits `k·z + b`, `z` being what the classifier makes of an embedding, are likeliest:
//! they minimise a convex function of the two by Newton's method, damped as Levenberg and Marquardt do.
//!
//! - With labelled embeddings, `k` alone is temperature scaling (Guo et al., On Calibration of Modern Neural Networks, 2017:
//!   `k = 1/T`). It changes no ranking. With biases it is bias-corrected temperature scaling (Alexandari et al., Maximum
//!   Likelihood with Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation, 2020).
//! - Without labels, biases for which each class is as frequent as it is said to be: what a class gains that swallows others
//!   is taken from it.

pub use crate::limits::MOST_BIASES;
use crate::{Activation, Classifier, Error, Result};

/// Between which bounds a temperature is looked for: the scale is multiplied or divided by no more.
const LARGEST_FACTOR: f64 = 100.0;
/// Newton steps at most; some ten are taken.
const STEPS: usize = 200;

/// What a classifier makes of the embeddings to go by.
#[derive(Clone, Debug)]
pub struct Sample {
    classes: usize,
    /// Logits, embedding by embedding.
    logits: Vec<f32>,
    /// How often each class is the right one.
    counts: Vec<f64>,
    /// The sum of the logits of right classes.
    right: f64,
}

/// What [`Sample::fit`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The temperature.
    Temperature,
    /// The temperature and a bias for each class.
    TemperatureAndBiases,
}

impl Sample {
    /// An empty sample for a classifier.
    pub fn new(classifier: &Classifier) -> Self {
        let classes = classifier.labels().len();
        Self {
            classes,
            logits: Vec::new(),
            counts: vec![0.0; classes],
            right: 0.0,
        }
    }

    /// Adds the logits of an embedding, and which class is the right one. Logits that are NaN, those of an embedding without
    /// a direction, say nothing and are left out.
    ///
    /// # Errors
    /// There is no memory for more.
    pub fn add(&mut self, logits: &[f64], truth: Option<usize>) -> Result<()> {
        debug_assert_eq!(logits.len(), self.classes, "number of classes differs");
        if logits.iter().any(|logit| logit.is_nan()) {
            return Ok(());
        }
        self.logits.try_reserve(logits.len())?;
        self.logits.extend(logits.iter().map(|&logit| logit as f32));
        if let Some(class) = truth {
            self.counts[class] += 1.0;
            self.right += f64::from(logits[class] as f32);
        }
        Ok(())
    }

    /// The number of embeddings.
    pub fn len(&self) -> usize {
        self.logits.len() / self.classes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.logits.is_empty()
    }

    /// The classifier with the temperature, and the biases, by which the right classes are likeliest. By sigmoid, every other
    /// class counts as wrong. Of a class's bias only as much is believed as one embedding tells, so that it stays finite where
    /// a class never occurs.
    ///
    /// `pause` is called now and then, and may end it.
    ///
    /// # Errors
    /// Biases of too many classes. And what `pause` gives.
    pub fn fit<E: From<Error>>(
        &self,
        classifier: &Classifier,
        fit: Fit,
        pause: impl FnMut() -> std::result::Result<(), E>,
    ) -> std::result::Result<Classifier, E> {
        if fit == Fit::TemperatureAndBiases {
            check_biases(classifier)?;
        }
        if self.is_empty() {
            return Ok(classifier.clone());
        }
        let rows = self.len() as f64;
        let problem = Problem {
            sample: self,
            activation: classifier.activation(),
            target_logit: Some(self.right / rows),
            target_shares: self.counts.iter().map(|count| count / rows).collect(),
            biases: fit == Fit::TemperatureAndBiases,
            ridge: 1.0 / rows,
        };
        problem.solve(classifier, pause)
    }

    /// The classifier with biases by which the mean probability of each class is its share in `shares`.
    ///
    /// `pause` is called now and then, and may end it.
    ///
    /// # Errors
    /// Too many classes, not one share for each, or one that is not between 0 and 1, both left out; with softmax, shares that do
    /// not add up to 1. And what `pause` gives.
    pub fn debias<E: From<Error>>(
        &self,
        classifier: &Classifier,
        shares: &[f64],
        pause: impl FnMut() -> std::result::Result<(), E>,
    ) -> std::result::Result<Classifier, E> {
        check_shares(classifier, shares)?;
        if self.is_empty() {
            return Ok(classifier.clone());
        }
        let problem = Problem {
            sample: self,
            activation: classifier.activation(),
            target_logit: None,
            target_shares: shares.to_vec(),
            biases: true,
            // Adding the same to all biases changes nothing, so something has to choose.
            ridge: 1e-9,
        };
        problem.solve(classifier, pause)
    }
}

/// Checks that the biases of all classes can be fitted.
///
/// # Errors
/// There are more than [`MOST_BIASES`].
pub fn check_biases(classifier: &Classifier) -> Result<()> {
    match classifier.labels().len() {
        classes if classes > MOST_BIASES => Err(Error::ManyBiases(classes)),
        _ => Ok(()),
    }
}

/// Checks what [`Sample::debias`] asks of shares.
///
/// # Errors
/// They are not that.
pub fn check_shares(classifier: &Classifier, shares: &[f64]) -> Result<()> {
    check_biases(classifier)?;
    if shares.len() != classifier.labels().len() {
        return Err(Error::Count {
            what: "shares",
            actual: shares.len(),
            expected: classifier.labels().len(),
        });
    }
    if let Some(&share) = shares.iter().find(|&&share| !(share > 0.0 && share < 1.0)) {
        return Err(Error::Share(share));
    }
    let sum: f64 = shares.iter().sum();
    if classifier.activation() == Activation::Softmax && (sum - 1.0).abs() > 1e-6 {
        return Err(Error::Shares(sum));
    }
    Ok(())
}

/// Of the factor `k` (the first unknown, where it is one) and the biases `b` (the others), the minimum of
/// `mean(A(k·z + b)) - k·target_logit - b·target_shares + ridge/2·b²`, `A` being what the activation is the derivative of.
struct Problem<'a> {
    sample: &'a Sample,
    activation: Activation,
    target_logit: Option<f64>,
    target_shares: Vec<f64>,
    biases: bool,
    ridge: f64,
}

/// The function of a [`Problem`] at one place.
struct Place {
    value: f64,
    gradient: Vec<f64>,
    /// Its second derivatives, row by row.
    hessian: Vec<f64>,
}

impl Problem<'_> {
    fn unknowns(&self) -> usize {
        let biases = if self.biases { self.sample.classes } else { 0 };
        usize::from(self.target_logit.is_some()) + biases
    }

    /// `k` and `b` out of the unknowns.
    fn split<'b>(&self, unknowns: &'b [f64]) -> (f64, &'b [f64]) {
        match self.target_logit {
            Some(_) => (unknowns[0], &unknowns[1..]),
            None => (1.0, unknowns),
        }
    }

    fn solve<E: From<Error>>(
        &self,
        classifier: &Classifier,
        mut pause: impl FnMut() -> std::result::Result<(), E>,
    ) -> std::result::Result<Classifier, E> {
        let size = self.unknowns();
        let mut unknowns = vec![0.0; size];
        if self.target_logit.is_some() {
            unknowns[0] = 1.0;
        }
        let mut place = self.at(&unknowns, &mut pause)?;
        let mut damping = 1e-6;
        for _ in 0..STEPS {
            let steepest = place
                .gradient
                .iter()
                .fold(0.0, |most: f64, slope| most.max(slope.abs()));
            if steepest < 1e-9 || damping > 1e12 {
                break;
            }
            let mut matrix = place.hessian.clone();
            for index in 0..size {
                matrix[index * size + index] += damping * (1.0 + matrix[index * size + index]);
            }
            let mut next = unknowns.clone();
            if let Some(step) = solve_positive(matrix, place.gradient.clone()) {
                next.iter_mut()
                    .zip(step)
                    .for_each(|(value, step)| *value -= step);
            }
            if self.target_logit.is_some() {
                next[0] = next[0].clamp(1.0 / LARGEST_FACTOR, LARGEST_FACTOR);
            }
            let there = self.at(&next, &mut pause)?;
            if there.value < place.value {
                (unknowns, place) = (next, there);
                damping = (damping / 10.0).max(1e-12);
            } else {
                damping *= 10.0;
            }
        }
        let (factor, added) = self.split(&unknowns);
        let added = added.iter().copied().chain(std::iter::repeat(0.0));
        let biases = classifier.biases().iter().zip(added);
        let biases = biases.map(|(bias, added)| factor * bias + added).collect();
        Ok(classifier
            .clone()
            .with_scale_and_biases(factor * classifier.scale(), biases)?)
    }

    fn at<E>(
        &self,
        unknowns: &[f64],
        pause: &mut impl FnMut() -> std::result::Result<(), E>,
    ) -> std::result::Result<Place, E> {
        let classes = self.sample.classes;
        let size = self.unknowns();
        let first = usize::from(self.target_logit.is_some());
        let (factor, biases) = self.split(unknowns);
        let rows = self.sample.len() as f64;
        let mut place = Place {
            value: 0.0,
            gradient: vec![0.0; size],
            hessian: vec![0.0; size * size],
        };
        let mut logits = vec![0.0; classes];
        let mut weights = vec![0.0; classes];
        for (row, given) in self.sample.logits.chunks_exact(classes).enumerate() {
            if row % 256 == 0 {
                pause()?;
            }
            for (class, logit) in logits.iter_mut().enumerate() {
                let bias = biases.get(class).copied().unwrap_or(0.0);
                *logit = factor * f64::from(given[class]) + bias;
            }
            place.value += self.activation.integral(&logits);
            self.activation.apply(&mut logits);
            let probabilities = &logits;
            let softmax = self.activation == Activation::Softmax;
            for (weight, p) in weights.iter_mut().zip(probabilities) {
                *weight = if softmax { *p } else { p * (1.0 - p) };
            }
            let given = given.iter().map(|&logit| f64::from(logit));
            let mean: f64 = given.clone().zip(probabilities).map(|(z, p)| z * p).sum();
            let centre = if softmax { mean } else { 0.0 };
            if first == 1 {
                place.gradient[0] += mean;
                let spread = given.clone().zip(&weights);
                place.hessian[0] += spread.map(|(z, w)| w * (z - centre).powi(2)).sum::<f64>();
            }
            if self.biases {
                for (class, z) in given.enumerate() {
                    let line = (first + class) * size;
                    place.gradient[first + class] += probabilities[class];
                    place.hessian[line + first + class] += weights[class];
                    if first == 1 {
                        place.hessian[line] += weights[class] * (z - centre);
                    }
                    if softmax {
                        for other in 0..=class {
                            place.hessian[line + first + other] -= weights[class] * weights[other];
                        }
                    }
                }
            }
        }
        let all = place.gradient.iter_mut().chain(&mut place.hessian);
        all.for_each(|sum| *sum /= rows);
        place.value /= rows;
        if let Some(target) = self.target_logit {
            place.value -= factor * target;
            place.gradient[0] -= target;
        }
        for (class, bias) in biases.iter().enumerate() {
            let target = self.target_shares[class];
            place.value += bias * (0.5 * self.ridge * bias - target);
            place.gradient[first + class] += self.ridge * bias - target;
            place.hessian[(first + class) * (size + 1)] += self.ridge;
        }
        Ok(place)
    }
}

impl Activation {
    /// What the probabilities are the derivatives of.
    fn integral(self, logits: &[f64]) -> f64 {
        match self {
            Activation::Softmax => {
                let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
                largest + sum.ln()
            }
            Activation::Sigmoid => {
                let softplus = |logit: &f64| logit.max(0.0) + (-logit.abs()).exp().ln_1p();
                logits.iter().map(softplus).sum()
            }
        }
    }
}

/// Solves `matrix · x = right` by Cholesky's decomposition, of a symmetric matrix of which the lower triangle is given, row by
/// row; none where it is not positive definite.
fn solve_positive(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for row in 0..size {
        for column in 0..=row {
            let product: f64 = (0..column)
                .map(|k| matrix[row * size + k] * matrix[column * size + k])
                .sum();
            let rest = matrix[row * size + column] - product;
            matrix[row * size + column] = if row > column {
                rest / matrix[column * size + column]
            } else if rest > 0.0 {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    for row in 0..size {
        let known: f64 = (0..row).map(|k| matrix[row * size + k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row * size + row];
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size)
            .map(|k| matrix[k * size + row] * right[k])
            .sum();
        right[row] = (right[row] - known) / matrix[row * size + row];
    }
    Some(right)
}
