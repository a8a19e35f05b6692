//! Classifiers out of labels and prompts.

use std::ffi::CStr;

use classifier::prompts::{Embedder, Prompts};
use classifier::{Activation, Classifier, Origin};
use clip::manifest::Activation as Trained;
use clip::template::fill;
use pgrx::{Array, pg_sys, prelude::*};

use super::Value;
use crate::{
    array::elements,
    error::{Result, Returned},
    inference::embed_texts,
    model::{self, Model},
    text::Text,
    vector::Vector,
};

/// A classifier of the embeddings of the default model, or of the one named `model`.
///
/// What the arguments mean, [`Prompts`] says. NULL for NULL labels.
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
    let given = given(labels, prompts, templates, minus_prompts, distractors)?;
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
    let given = given(labels, prompts, templates, minus_prompts, distractors)?;
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
    let given = given(labels, None, None, None, None)?;
    Ok(value(given, None)?)
}

fn value(given: Option<Prompts>, model: Option<Text>) -> Result<Option<Value>> {
    let Some(given) = given else { return Ok(None) };
    let model = model::resolve(model.as_ref().map(Text::as_str))?;
    Ok(Some(remembered(given, &model)?))
}

/// The arguments; none where there are no labels.
fn given(
    labels: Option<Array<Text>>,
    prompts: Option<Array<Text>>,
    templates: Option<Array<Text>>,
    minus_prompts: Option<Array<Text>>,
    distractors: Option<Array<Text>>,
) -> Result<Option<Prompts>> {
    let strings = |name, array: &Option<Array<Text>>| -> Result<Vec<String>> {
        let texts = elements(name, array)?;
        Ok(texts.into_iter().map(String::from).collect())
    };
    let optional = |name, array: &Option<Array<Text>>| match array {
        Some(_) => strings(name, array).map(Some),
        None => Ok(None),
    };
    let Some(labels) = optional("labels", &labels)? else {
        return Ok(None);
    };
    let given = Prompts {
        labels,
        prompts: optional("prompts", &prompts)?,
        templates: optional("templates", &templates)?,
        minus_prompts: optional("minus_prompts", &minus_prompts)?,
        distractors: strings("distractors", &distractors)?,
    };
    given.check()?;
    Ok(Some(given))
}

fn classifier(given: &Prompts, model: &Model) -> Result<Classifier> {
    let manifest = &model.manifest;
    let texts = given.texts().into_iter();
    let texts = texts.map(|(template, prompt)| fill(template, prompt));
    let texts: Vec<String> = texts.collect::<clip::Result<_>>()?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let embeddings = embed_texts(model, &texts)?;
    let embedder = Embedder {
        origin: Some(Origin {
            name: model.name.clone(),
            identity: manifest.identity.clone(),
        }),
        dimensions: manifest.dimensions,
        activation: match manifest.activation {
            Trained::Softmax => Activation::Softmax,
            Trained::Sigmoid => Activation::Sigmoid,
        },
        scale: manifest.logit_scale,
        bias: manifest.logit_bias,
    };
    Ok(given.classifier(embedder, embeddings.iter().map(Vector::halves))?)
}

/// What was made last, for a call that is evaluated for every row.
struct Made {
    given: Prompts,
    model: Model,
    value: Value,
}

thread_local! {
    static LAST: std::cell::RefCell<Option<Made>> = const { std::cell::RefCell::new(None) };
}

fn remembered(given: Prompts, model: &Model) -> Result<Value> {
    let last = LAST.with_borrow(|last| match last {
        Some(made) if made.model.is(model) && made.given == given => Some(made.value.clone()),
        _ => None,
    });
    if let Some(value) = last {
        return Ok(value);
    }
    let value = Value::from(&classifier(&given, model)?);
    LAST.set(Some(Made {
        given,
        model: model.clone(),
        value: value.clone(),
    }));
    Ok(value)
}
