//! Labels with their prompts: what is to be embedded, and the classifier that becomes of the embeddings.

use std::collections::HashMap;

use half::f16;

use crate::{Activation, Class, Classifier, Direction, Error, Origin, Result};

/// What stands for a prompt in a template.
pub const PLACEHOLDER: &str = "{}";

/// What labels are put into where there are neither prompts nor templates.
const TEMPLATE: &str = "a photo of a {}";

/// What a classifier is to tell apart, in words.
///
/// Each label has a prompt, itself if none is given, which is put into each of the templates. The vector of a label is the
/// mean of the normalised embeddings of all of its prompts, normalised again, as in open_clip; a label that is given more
/// than once has the prompts of all. A minus prompt is taken for the contrary of the label: the vector is the difference,
/// and the probability the softmax over the two. Distractors are classes without a label, "none of these".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompts {
    /// The labels.
    pub labels: Vec<String>,
    /// A prompt for each.
    pub prompts: Option<Vec<String>>,
    /// What all prompts are put into, in the place of [`PLACEHOLDER`].
    pub templates: Option<Vec<String>>,
    /// The contrary of each label.
    pub minus_prompts: Option<Vec<String>>,
    /// What is none of the labels.
    pub distractors: Vec<String>,
}

/// The model that embeds prompts and images.
#[derive(Clone, Debug)]
pub struct Embedder {
    /// The model.
    pub origin: Option<Origin>,
    /// Dimensions of its embeddings.
    pub dimensions: usize,
    /// How it was trained to make probabilities of logits.
    pub activation: Activation,
    /// Its factor from similarity to logit.
    pub scale: f64,
    /// What it adds to that.
    pub bias: f64,
}

/// A class in words.
#[derive(Default)]
struct Words<'a> {
    label: Option<&'a str>,
    plus: Vec<&'a str>,
    minus: Vec<&'a str>,
}

impl Prompts {
    /// Checks that all of it goes together.
    ///
    /// # Errors
    /// An array that has not one element for each label, templates of which there are none or of which one has no place for
    /// the prompt, or distractors beside minus prompts.
    pub fn check(&self) -> Result<()> {
        let labels = self.labels.len();
        let arrays = [
            ("prompts", &self.prompts),
            ("minus_prompts", &self.minus_prompts),
        ];
        for (name, array) in arrays {
            let actual = array.as_ref().map_or(labels, Vec::len);
            if actual != labels {
                return Err(Error::Lengths {
                    name,
                    actual,
                    labels,
                });
            }
        }
        if let Some(templates) = &self.templates {
            if templates.is_empty() {
                return Err(Error::NoTemplates);
            }
            let mut templates = templates.iter();
            if let Some(template) = templates.find(|template| !template.contains(PLACEHOLDER)) {
                return Err(Error::Template(template.clone()));
            }
        }
        if self.minus_prompts.is_some() && !self.distractors.is_empty() {
            return Err(Error::TwoNegations);
        }
        Ok(())
    }

    /// What is to be embedded: templates and what belongs into each, in the order in which [`Prompts::classifier`] takes the
    /// embeddings.
    pub fn texts(&self) -> Vec<(&str, &str)> {
        let templates = self.templates();
        let classes = self.classes();
        let prompts = classes
            .iter()
            .flat_map(|class| class.plus.iter().chain(&class.minus));
        prompts
            .flat_map(|prompt| templates.iter().map(move |template| (*template, *prompt)))
            .collect()
    }

    /// The classifier, from the embeddings of all [texts](Prompts::texts) by `model`.
    ///
    /// # Errors
    /// Embeddings of one class that cancel each other out, or no classifier.
    pub fn classifier<'a>(
        &self,
        model: Embedder,
        embeddings: impl IntoIterator<Item = &'a [f16]>,
    ) -> Result<Classifier> {
        let mut embeddings = embeddings.into_iter();
        let templates = self.templates().len();
        let mut direction = |label: Option<&str>, prompts: usize| {
            let mut direction = Direction::new(model.dimensions);
            let of_prompts = embeddings.by_ref().take(prompts * templates);
            of_prompts.for_each(|embedding| direction.add(embedding));
            let unit = direction.unit();
            unit.ok_or_else(|| Error::NoDirection(label.map(str::to_owned)))
        };
        let pairs = self.minus_prompts.is_some();
        let mut classes = Vec::new();
        for Words { label, plus, minus } in self.classes() {
            let mut vector = direction(label, plus.len())?;
            if pairs {
                let minus = direction(label, minus.len())?;
                for (plus, minus) in vector.iter_mut().zip(minus) {
                    *plus -= minus;
                }
            }
            let mut class = Class::new(label.map(str::to_owned), vector);
            // That of a pair's two logits cancels out.
            class.bias = if pairs { 0.0 } else { model.bias };
            classes.push(class);
        }
        let activation = match pairs {
            true => Activation::Sigmoid,
            false => model.activation,
        };
        Classifier::new(model.origin, activation, model.scale, classes)
    }

    fn templates(&self) -> Vec<&str> {
        match (&self.templates, &self.prompts) {
            (Some(templates), _) => templates.iter().map(String::as_str).collect(),
            (None, Some(_)) => vec![PLACEHOLDER],
            (None, None) => vec![TEMPLATE],
        }
    }

    /// The labels, each once, with the prompts of each; at the end, without a label, the distractors.
    fn classes(&self) -> Vec<Words<'_>> {
        let mut classes: Vec<Words<'_>> = Vec::new();
        let mut known = HashMap::new();
        let prompts = self.prompts.as_ref().unwrap_or(&self.labels);
        for (index, (label, prompt)) in self.labels.iter().zip(prompts).enumerate() {
            let class = *known.entry(label.as_str()).or_insert(classes.len());
            if class == classes.len() {
                classes.push(Words {
                    label: Some(label),
                    ..Words::default()
                });
            }
            let minus = self.minus_prompts.iter().map(|minus| minus[index].as_str());
            classes[class].plus.push(prompt);
            classes[class].minus.extend(minus);
        }
        let distractors = self.distractors.iter();
        classes.extend(distractors.map(|distractor| Words {
            plus: vec![distractor],
            ..Words::default()
        }));
        classes
    }
}
