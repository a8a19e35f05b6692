//! From embeddings to probabilities and labels.

use half::f16;

use crate::{Activation, Classifier, Error, Result};

/// What a classifier makes of one embedding, class by class. Made once and filled for many embeddings.
///
/// Of an embedding of norm 0, which has no direction, everything is NaN.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// `wᵢ·x̂`: the cosine similarity, where the vector of a class is of unit length.
    pub similarities: Vec<f64>,
    /// `scale · wᵢ·x̂ + bᵢ`.
    pub logits: Vec<f64>,
}

impl Scores {
    /// The class of the greatest logit, the first of equal ones; none for an embedding without a direction.
    pub fn best(&self) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (class, &logit) in self.logits.iter().enumerate() {
            if !logit.is_nan() && best.is_none_or(|(_, greatest)| logit > greatest) {
                best = Some((class, logit));
            }
        }
        best.map(|(class, _)| class)
    }

    /// The classes by descending logit, equal ones in their own order.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.logits.len()).collect();
        order.sort_by(|&a, &b| self.logits[b].total_cmp(&self.logits[a]));
        order
    }
}

impl Classifier {
    /// Scores an embedding.
    ///
    /// # Errors
    /// It is of other dimensions.
    pub fn score(&self, embedding: &[f16], scores: &mut Scores) -> Result<()> {
        if embedding.len() != self.dimensions() {
            return Err(Error::Dimensions {
                embedding: embedding.len(),
                classifier: self.dimensions(),
                model: self.origin().map(|origin| origin.name.clone()),
            });
        }
        let norm = kernels::norm(embedding);
        let dots = self
            .vectors()
            .map(|vector| kernels::dot_mixed(embedding, vector));
        let similarities = dots.map(|dot| f64::from(dot) / norm);
        scores.similarities.clear();
        scores.similarities.extend(similarities);
        let logits = scores.similarities.iter().zip(self.biases());
        let logits = logits.map(|(similarity, bias)| self.scale() * similarity + bias);
        scores.logits.clear();
        scores.logits.extend(logits);
        Ok(())
    }

    /// The probability of each class from its logit.
    pub fn probabilities(&self, logits: &[f64]) -> Vec<f64> {
        let mut probabilities = logits.to_vec();
        self.activation().apply(&mut probabilities);
        probabilities
    }

    /// The probability of one class, as [`Classifier::probabilities`] has it.
    pub fn probability(&self, logits: &[f64], class: usize) -> f64 {
        match self.activation() {
            Activation::Sigmoid => sigmoid(logits[class]),
            Activation::Softmax => {
                let others = logits.iter().map(|logit| (logit - logits[class]).exp());
                1.0 / others.sum::<f64>()
            }
        }
    }

    /// How unsure it is: 1 less the lead of the likeliest class over the second, between 0 and 1. Where there is one class
    /// only, the second is that it is not.
    pub fn uncertainty(&self, scores: &Scores) -> f64 {
        let mut probabilities = self.probabilities(&scores.logits);
        if let &[only] = probabilities.as_slice() {
            probabilities.push(1.0 - only);
        }
        probabilities.sort_by(|a, b| b.total_cmp(a));
        1.0 - (probabilities[0] - probabilities[1])
    }
}

impl Activation {
    /// Logits to probabilities, in place. NaN where a logit is NaN, with softmax everywhere.
    pub fn apply(self, logits: &mut [f64]) {
        match self {
            Activation::Sigmoid => logits.iter_mut().for_each(|logit| *logit = sigmoid(*logit)),
            Activation::Softmax => {
                // Subtracting the largest keeps exp within its range.
                let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let mut sum = 0.0;
                for logit in &mut *logits {
                    *logit = (*logit - largest).exp();
                    sum += *logit;
                }
                logits.iter_mut().for_each(|logit| *logit /= sum);
            }
        }
    }
}

/// `1 / (1 + exp(-x))`.
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
