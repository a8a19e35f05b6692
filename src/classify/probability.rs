//! Similarities to probabilities, as the model was trained.

use clip::manifest::{Activation, Manifest};

/// The probability of each label from its cosine similarity.
///
/// Softmax over all labels for a model trained like CLIP, so that they add up to 1; the sigmoid of each for one trained
/// like SigLIP. NaN where a similarity is NaN.
pub fn probabilities(model: &Manifest, similarities: &[f64]) -> Vec<f64> {
    let logits = similarities
        .iter()
        .map(|similarity| model.logit_scale * similarity + model.logit_bias);
    match model.activation {
        Activation::Sigmoid => logits.map(|logit| 1.0 / (1.0 + (-logit).exp())).collect(),
        Activation::Softmax => {
            // Subtracting the largest keeps exp within its range.
            let largest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
            let exponentials: Vec<f64> = logits.map(|logit| (logit - largest).exp()).collect();
            let sum: f64 = exponentials.iter().sum();
            exponentials.iter().map(|value| value / sum).collect()
        }
    }
}
