//! Minimising a smooth convex function: L-BFGS (Liu, Nocedal: On the limited memory BFGS method for large scale
//! optimization, 1989).
//!
//! Steps are found by bisection for the weak Wolfe conditions (Lewis, Overton: Nonsmooth optimization via quasi-Newton
//! methods, 2013), which convex functions always let succeed; where rounding hides the decrease of the function, its slope
//! decides (Hager, Zhang: A new conjugate gradient method with guaranteed descent and an efficient line search, 2005).

use std::collections::VecDeque;

use crate::dot;
use crate::error::{Result, zeros};

/// Steps that are remembered.
const MEMORY: usize = 10;
/// Most trials of a step's length.
const TRIALS: usize = 30;
/// The share of the decrease that the slope promises which is enough.
const DECREASE: f64 = 1e-4;
/// The share of the slope that must be gone.
const CURVATURE: f64 = 0.9;

/// When to end.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The norm of the gradient that is small enough.
    pub gradient: f64,
    /// Relative error of the function's values.
    pub noise: f64,
    /// Most iterations.
    pub iterations: usize,
}

/// Where it ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Iterations taken.
    pub iterations: usize,
    /// The norm of the gradient.
    pub gradient: f64,
}

/// A step and the change of the gradient along it.
struct Step {
    step: Vec<f64>,
    change: Vec<f64>,
    /// Their inner product.
    product: f64,
}

/// Moves `x` to where `function`, which returns its value and writes its gradient, is least.
///
/// # Errors
/// Those of the function; there is no memory.
pub fn minimise(
    x: &mut [f64],
    limits: Limits,
    mut function: impl FnMut(&[f64], &mut [f64]) -> Result<f64>,
) -> Result<Outcome> {
    let count = x.len();
    let (mut gradient, mut direction) = (zeros(count)?, zeros(count)?);
    let (mut next, mut next_gradient) = (zeros(count)?, zeros(count)?);
    let mut steps: VecDeque<Step> = VecDeque::with_capacity(MEMORY);
    let mut value = function(x, &mut gradient)?;
    let mut iterations = 0;
    while iterations < limits.iterations && norm(&gradient) > limits.gradient {
        descend(&gradient, &steps, &mut direction);
        let slope = dot(&gradient, &direction);
        // Before anything is known of the curvature, a step of length 1 at most.
        let first = if steps.is_empty() {
            (1.0 / norm(&gradient)).min(1.0)
        } else {
            1.0
        };
        let (mut length, mut low, mut high) = (first, 0.0, f64::INFINITY);
        let mut found = None;
        for _ in 0..TRIALS {
            for ((next, x), direction) in next.iter_mut().zip(&*x).zip(&direction) {
                *next = x + length * direction;
            }
            let next_value = function(&next, &mut next_gradient)?;
            let next_slope = dot(&next_gradient, &direction);
            let small = next_value <= value + DECREASE * length * slope;
            let hidden = next_value <= value + limits.noise * value.abs()
                && next_slope <= (2.0 * DECREASE - 1.0) * slope;
            if !small && !hidden {
                high = length;
            } else if next_slope < CURVATURE * slope {
                low = length;
            } else {
                found = Some(next_value);
                break;
            }
            length = if high.is_finite() {
                (low + high) / 2.0
            } else {
                2.0 * length
            };
        }
        // Nothing better is to be had in this precision.
        let Some(next_value) = found else {
            break;
        };
        iterations += 1;
        if steps.len() == MEMORY {
            steps.pop_front();
        }
        let (mut step, mut change) = (zeros(count)?, zeros(count)?);
        for at in 0..count {
            step[at] = next[at] - x[at];
            change[at] = next_gradient[at] - gradient[at];
        }
        let product = dot(&step, &change);
        if product > 0.0 {
            steps.push_back(Step {
                step,
                change,
                product,
            });
        }
        x.copy_from_slice(&next);
        std::mem::swap(&mut gradient, &mut next_gradient);
        value = next_value;
    }
    Ok(Outcome {
        iterations,
        gradient: norm(&gradient),
    })
}

/// The direction of the next step: the two loops of the paper (there §2, after Nocedal, 1980).
fn descend(gradient: &[f64], steps: &VecDeque<Step>, direction: &mut [f64]) {
    for (direction, gradient) in direction.iter_mut().zip(gradient) {
        *direction = -gradient;
    }
    let mut shares = [0.0; MEMORY];
    for (step, share) in steps.iter().zip(&mut shares[..steps.len()]).rev() {
        *share = dot(&step.step, direction) / step.product;
        add(direction, &step.change, -*share);
    }
    if let Some(last) = steps.back() {
        let scale = last.product / dot(&last.change, &last.change);
        direction.iter_mut().for_each(|x| *x *= scale);
    }
    for (step, share) in steps.iter().zip(&shares) {
        let back = dot(&step.change, direction) / step.product;
        add(direction, &step.step, share - back);
    }
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// `sum += factor · x`.
fn add(sum: &mut [f64], x: &[f64], factor: f64) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += factor * x;
    }
}
