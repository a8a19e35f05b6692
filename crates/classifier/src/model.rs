//! What a classifier consists of, and what holds of every one.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::limits::{LARGEST, MAX_DIMENSIONS, MAX_WEIGHTS};
use crate::{Error, Result};

/// How logits become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Over all classes: `exp(zᵢ) / Σ exp(zⱼ)`. One of them is right.
    Softmax = 0,
    /// Each class by itself: `1 / (1 + exp(-zᵢ))`. Several may be right, or none.
    ///
    /// With the vector of "x" less that of "not x", this is the softmax over the pair of the two.
    Sigmoid = 1,
}

/// The model that made the embeddings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The name that it is registered under.
    pub name: String,
    /// The SHA-256 that the name is bound to, 64 hexadecimal digits.
    pub identity: String,
}

/// One class of a classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// What it says of an embedding; none for a distractor, which stands for "none of these".
    pub label: Option<String>,
    /// Its vector.
    pub vector: Vec<f32>,
    /// What is added to its logit.
    pub bias: f64,
    /// The least probability at which the label counts.
    pub threshold: Option<f64>,
}

impl Class {
    /// A class of bias 0 without a threshold.
    pub fn new(label: Option<String>, vector: Vec<f32>) -> Self {
        Self {
            label,
            vector,
            bias: 0.0,
            threshold: None,
        }
    }
}

/// A linear classifier of embeddings.
///
/// There is at least one class, with softmax two. Labels are distinct and not empty; several classes may have none. All
/// vectors are of one dimension, all numbers finite, the scale is positive, and thresholds are probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    origin: Option<Origin>,
    activation: Activation,
    scale: f64,
    dimensions: usize,
    labels: Vec<Option<String>>,
    biases: Vec<f64>,
    thresholds: Vec<Option<f64>>,
    /// The vectors one after the other.
    weights: Vec<f32>,
}

impl Classifier {
    /// A classifier of these classes.
    ///
    /// # Errors
    /// Whatever contradicts what holds of a classifier.
    pub fn new(
        origin: Option<Origin>,
        activation: Activation,
        scale: f64,
        classes: Vec<Class>,
    ) -> Result<Self> {
        let dimensions = classes.first().ok_or(Error::NoLabels)?.vector.len();
        let odd = classes
            .iter()
            .position(|class| class.vector.len() != dimensions);
        if let Some(index) = odd {
            return Err(Error::VectorLength {
                position: index + 1,
                expected: dimensions,
                actual: classes[index].vector.len(),
            });
        }
        let weights = classes.iter().flat_map(|class| &class.vector).copied();
        let classifier = Self {
            origin,
            activation,
            scale,
            dimensions,
            weights: weights.collect(),
            biases: classes.iter().map(|class| class.bias).collect(),
            thresholds: classes.iter().map(|class| class.threshold).collect(),
            labels: classes.into_iter().map(|class| class.label).collect(),
        };
        classifier.check()?;
        Ok(classifier)
    }

    fn check(&self) -> Result<()> {
        if !(1..=MAX_DIMENSIONS).contains(&self.dimensions) {
            return Err(Error::DimensionCount(self.dimensions));
        }
        check_size(self.labels.len(), self.dimensions)?;
        if let ([label], Activation::Softmax) = (self.labels.as_slice(), self.activation) {
            return Err(Error::OneLabel(label.clone()));
        }
        self.check_names()?;
        number("scale", self.scale)?;
        if self.scale <= 0.0 {
            return Err(Error::Scale(self.scale));
        }
        self.biases
            .iter()
            .try_for_each(|&bias| number("bias", bias))?;
        let mut weights = self.weights.iter();
        weights.try_for_each(|&weight| number("vector", weight.into()))?;
        let mut thresholds = self.thresholds.iter().flatten();
        thresholds.try_for_each(|&threshold| probability(threshold))
    }

    fn check_names(&self) -> Result<()> {
        let mut known = HashSet::new();
        for (index, label) in self.labels.iter().enumerate() {
            let Some(label) = label else { continue };
            if label.is_empty() {
                return Err(Error::EmptyLabel(index + 1));
            }
            if label.contains('\0') {
                return Err(Error::Character("label"));
            }
            if !known.insert(label) {
                return Err(Error::DuplicateLabel(label.clone()));
            }
        }
        if let Some(Origin { name, identity }) = &self.origin {
            if name.contains('\0') {
                return Err(Error::Character("name of a model"));
            }
            if identity.len() != 64 || !identity.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(Error::Identity);
            }
        }
        Ok(())
    }

    /// The model whose embeddings it is for, where that is known.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// How its logits become probabilities.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The factor from similarity to logit: an inverse temperature.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Dimensions of the embeddings that it is for.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The label of each class; none for distractors.
    pub fn labels(&self) -> &[Option<String>] {
        &self.labels
    }

    /// The bias of each class.
    pub fn biases(&self) -> &[f64] {
        &self.biases
    }

    /// The threshold of each class.
    pub fn thresholds(&self) -> &[Option<f64>] {
        &self.thresholds
    }

    /// The vector of each class.
    pub fn vectors(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.weights.chunks_exact(self.dimensions)
    }

    /// The class of a label.
    ///
    /// # Errors
    /// There is none.
    pub fn position(&self, label: &str) -> Result<usize> {
        let mut labels = self.labels.iter();
        labels
            .position(|known| known.as_deref() == Some(label))
            .ok_or_else(|| Error::UnknownLabel(label.to_owned()))
    }

    /// The same classes, with another scale and other biases.
    ///
    /// # Errors
    /// A number that is out of range, or not one bias for each class.
    pub fn with_scale_and_biases(mut self, scale: f64, biases: Vec<f64>) -> Result<Self> {
        if biases.len() != self.biases.len() {
            return Err(Error::Count {
                what: "biases",
                actual: biases.len(),
                expected: self.biases.len(),
            });
        }
        (self.scale, self.biases) = (scale, biases);
        self.check()?;
        Ok(self)
    }

    /// The same classifier, with other thresholds for some labels; none removes a label's.
    ///
    /// # Errors
    /// A label that it does not have, or a threshold that is no probability.
    pub fn with_thresholds<'a>(
        mut self,
        thresholds: impl IntoIterator<Item = (&'a str, Option<f64>)>,
    ) -> Result<Self> {
        let labels = (0..).zip(&self.labels);
        let classes: HashMap<&str, usize> = labels
            .filter_map(|(class, label)| Some((label.as_deref()?, class)))
            .collect();
        for (label, threshold) in thresholds {
            threshold.map_or(Ok(()), probability)?;
            let class = classes.get(label);
            let class = class.ok_or_else(|| Error::UnknownLabel(label.to_owned()))?;
            self.thresholds[*class] = threshold;
        }
        Ok(self)
    }

    pub(crate) fn classes(&self) -> impl Iterator<Item = Class> {
        let vectors = self.vectors().enumerate();
        vectors.map(|(class, vector)| Class {
            label: self.labels[class].clone(),
            vector: vector.to_vec(),
            bias: self.biases[class],
            threshold: self.thresholds[class],
        })
    }
}

/// Checks that a classifier may have so many classes, for those who collect them.
///
/// # Errors
/// There are too many for vectors of these dimensions.
pub fn check_size(classes: usize, dimensions: usize) -> Result<()> {
    match classes.saturating_mul(dimensions) > MAX_WEIGHTS {
        true => Err(Error::TooLarge),
        false => Ok(()),
    }
}

fn number(what: &'static str, value: f64) -> Result<()> {
    // NaN is in no range.
    match (-LARGEST..=LARGEST).contains(&value) {
        true => Ok(()),
        false => Err(Error::Number { what, value }),
    }
}

/// Checks that a number is a probability.
pub(crate) fn probability(value: f64) -> Result<()> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(()),
        false => Err(Error::Threshold(value)),
    }
}
