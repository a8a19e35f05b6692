//! Classifiers out of labels and prompts.

use std::collections::HashMap;
use std::ffi::CStr;

use classifier::{Activation, Class, Classifier, Direction, Origin};
use clip::manifest::Activation as Trained;
use clip::template::{PLACEHOLDER, fill, has_place};
use pgrx::{Array, pg_sys, prelude::*};

use super::{Error, Value};
use crate::{
    array::elements,
    error::{Result, Returned},
    inference::embed_texts,
    model::{self, Model},
    text::Text,
    vector::Vector,
};

/// What labels are put into where there are neither prompts nor templates.
const TEMPLATE: &str = "a photo of a {}";

/// A classifier of the embeddings of the default model, or of the one named `model`.
///
/// Each label has a prompt, itself if none is given, which is put into each of the templates. The vector of a label is the mean of
/// the normalised embeddings of all of its prompts, normalised again, as in open_clip; a label that is given more than once has
/// the prompts of all. A minus prompt is taken for the contrary of the label: the vector is the difference, and the probability
/// the softmax over the two. Distractors are classes without a label, "none of these". NULL for NULL labels.
#[pg_extern(
    name = "clip_classifier",
    stable,
    parallel_restricted,
    cost = 1000000,
    support = clip_embed_support
)]
fn classifier_by_default(
    labels: Option<Array<Text>>,
    prompts: default!(Option<Array<Text>>, "NULL"),
    templates: default!(Option<Array<Text>>, "NULL"),
    minus_prompts: default!(Option<Array<Text>>, "NULL"),
    distractors: default!(Option<Array<Text>>, "NULL"),
    model: default!(Option<Text>, "NULL"),
) -> Returned<Option<Value>> {
    let given = Given::new(labels, prompts, templates, minus_prompts, distractors)?;
    Ok(value(given, model)?)
}

/// A classifier of the embeddings of the model of that name, like [`classifier_by_default`].
///
/// Its name is that of an argument by its place, not by its name, which the other function has: so that it is clear which of the
/// two is called.
#[pg_extern(
    immutable,
    parallel_restricted,
    cost = 1000000,
    support = clip_embed_support
)]
fn clip_classifier(
    labels: Option<Array<Text>>,
    prompts: Option<Array<Text>>,
    model_name: Option<Text>,
    templates: default!(Option<Array<Text>>, "NULL"),
    minus_prompts: default!(Option<Array<Text>>, "NULL"),
    distractors: default!(Option<Array<Text>>, "NULL"),
) -> Returned<Option<Value>> {
    let Some(model) = model_name else {
        return Ok(None);
    };
    let given = Given::new(labels, prompts, templates, minus_prompts, distractors)?;
    Ok(value(given, Some(model))?)
}

/// A classifier out of labels that are given as one literal, `clip_classifier('{map,portrait}')`.
///
/// Where a type has the name of a function, the server takes such a call for a cast of the literal to the type, unless there is a
/// function of that name for what a literal is before anybody knows its type.
#[pg_extern(sql = false)]
fn clip_classifier_of_literal(labels: &CStr) -> Returned<Option<Value>> {
    // SAFETY: the literal is a C string, and what comes back an array of texts, neither of which the function keeps.
    let labels = unsafe {
        let (function, literal) = (pg_sys::F_ARRAY_IN.into(), labels.as_ptr().cast_mut());
        let array = pg_sys::OidInputFunctionCall(function, literal, pg_sys::TEXTOID, -1);
        Array::from_polymorphic_datum(array, false, pg_sys::TEXTARRAYOID)
    };
    let given = Given::new(labels, None, None, None, None)?;
    Ok(value(given, None)?)
}

fn value(given: Option<Given>, model: Option<Text>) -> Result<Option<Value>> {
    let Some(given) = given else { return Ok(None) };
    let model = model::resolve(model.as_ref().map(Text::as_str))?;
    Ok(Some(remembered(given, &model)?))
}

/// The arguments.
#[derive(PartialEq)]
struct Given {
    labels: Vec<Text>,
    prompts: Option<Vec<Text>>,
    templates: Option<Vec<Text>>,
    minus_prompts: Option<Vec<Text>>,
    distractors: Vec<Text>,
}

impl Given {
    /// None where there are no labels.
    fn new(
        labels: Option<Array<Text>>,
        prompts: Option<Array<Text>>,
        templates: Option<Array<Text>>,
        minus_prompts: Option<Array<Text>>,
        distractors: Option<Array<Text>>,
    ) -> Result<Option<Self>> {
        let optional = |name, array: &Option<Array<Text>>| match array {
            Some(_) => elements(name, array).map(Some),
            None => Ok(None),
        };
        let Some(labels) = optional("labels", &labels)? else {
            return Ok(None);
        };
        let given = Self {
            labels,
            prompts: optional("prompts", &prompts)?,
            templates: optional("templates", &templates)?,
            minus_prompts: optional("minus_prompts", &minus_prompts)?,
            distractors: elements("distractors", &distractors)?,
        };
        given.check()?;
        Ok(Some(given))
    }

    fn check(&self) -> Result<()> {
        let labels = self.labels.len();
        let arrays = [
            ("prompts", &self.prompts),
            ("minus_prompts", &self.minus_prompts),
        ];
        for (name, array) in arrays {
            match array {
                Some(array) if array.len() != labels => {
                    let actual = array.len();
                    return Err(Error::Lengths {
                        name,
                        actual,
                        labels,
                    }
                    .into());
                }
                _ => (),
            }
        }
        if let Some(templates) = &self.templates {
            if templates.is_empty() {
                return Err(Error::NoTemplates.into());
            }
            let mut templates = templates.iter().map(Text::as_str);
            if let Some(template) = templates.find(|template| !has_place(template)) {
                return Err(Error::Template(template.to_owned()).into());
            }
        }
        if self.minus_prompts.is_some() && !self.distractors.is_empty() {
            return Err(Error::TwoNegations.into());
        }
        Ok(())
    }

    fn templates(&self) -> Vec<&str> {
        match (&self.templates, &self.prompts) {
            (Some(templates), _) => templates.iter().map(Text::as_str).collect(),
            (None, Some(_)) => vec![PLACEHOLDER],
            (None, None) => vec![TEMPLATE],
        }
    }

    /// The labels, each once, with the prompts of each; at the end, without a label, the distractors.
    fn classes(&self) -> Vec<(Option<&Text>, Vec<&Text>, Vec<&Text>)> {
        let mut classes: Vec<(Option<&Text>, Vec<&Text>, Vec<&Text>)> = Vec::new();
        let mut known = HashMap::new();
        let prompts = self.prompts.as_ref().unwrap_or(&self.labels);
        for (index, (label, prompt)) in self.labels.iter().zip(prompts).enumerate() {
            let minus = self.minus_prompts.iter().map(|minus| &minus[index]);
            let class = *known.entry(label.as_str()).or_insert(classes.len());
            if class == classes.len() {
                classes.push((Some(label), Vec::new(), Vec::new()));
            }
            let (_, prompts, minuses) = &mut classes[class];
            prompts.push(prompt);
            minuses.extend(minus);
        }
        let distractors = self.distractors.iter();
        classes.extend(distractors.map(|distractor| (None, vec![distractor], Vec::new())));
        classes
    }

    fn classifier(&self, model: &Model) -> Result<Classifier> {
        let manifest = &model.manifest;
        let templates = self.templates();
        let classes = self.classes();
        let given = classes
            .iter()
            .flat_map(|(_, plus, minus)| plus.iter().chain(minus));
        let mut prompts = Vec::new();
        for prompt in given {
            for template in &templates {
                prompts.push(fill(template, prompt.as_str())?);
            }
        }
        let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
        let embeddings = embed_texts(model, &prompts)?;
        let mut embeddings = embeddings.iter();
        let mut direction = |label: Option<&Text>, prompts: usize| {
            let mut direction = Direction::new(manifest.dimensions);
            let of_prompts = embeddings.by_ref().take(prompts * templates.len());
            of_prompts.for_each(|embedding: &Vector| direction.add(embedding.halves()));
            let label = || label.map(|label| label.as_str().to_owned());
            direction.unit().ok_or_else(|| Error::NoDirection(label()))
        };
        let pairs = self.minus_prompts.is_some();
        let mut made = Vec::with_capacity(classes.len());
        for (label, plus, minus) in &classes {
            let mut vector = direction(*label, plus.len())?;
            if pairs {
                let minus = direction(*label, minus.len())?;
                vector
                    .iter_mut()
                    .zip(minus)
                    .for_each(|(plus, minus)| *plus -= minus);
            }
            let mut class = Class::new(label.map(|label| label.as_str().to_owned()), vector);
            // That of a pair's two logits cancels out.
            class.bias = if pairs { 0.0 } else { manifest.logit_bias };
            made.push(class);
        }
        let activation = match manifest.activation {
            Trained::Softmax if !pairs => Activation::Softmax,
            _ => Activation::Sigmoid,
        };
        let origin = Origin {
            name: model.name.clone(),
            identity: manifest.identity.clone(),
        };
        Ok(Classifier::new(
            Some(origin),
            activation,
            manifest.logit_scale,
            made,
        )?)
    }
}

/// What was made last, for a call that is evaluated for every row.
struct Made {
    given: Given,
    model: Model,
    value: Value,
}

thread_local! {
    static LAST: std::cell::RefCell<Option<Made>> = const { std::cell::RefCell::new(None) };
}

fn remembered(given: Given, model: &Model) -> Result<Value> {
    let last = LAST.with_borrow(|last| match last {
        Some(made) if made.model.is(model) && made.given == given => Some(made.value.clone()),
        _ => None,
    });
    if let Some(value) = last {
        return Ok(value);
    }
    let value = Value::from(&given.classifier(model)?);
    LAST.set(Some(Made {
        given,
        model: model.clone(),
        value: value.clone(),
    }));
    Ok(value)
}
