//! Classifiers set right by the embeddings of a table.
//!
//! The state holds the logits of all rows, four bytes for each class of each, in Rust's memory; the memory context of the
//! aggregate drops it.

use std::rc::Rc;

use classifier::Classifier;
use classifier::calibration::{Fit, Sample, check_biases, check_shares};
use pgrx::prelude::*;
use pgrx::{Internal, pg_sys};

use super::{Error, Stored, Value};
use crate::{
    aggregate::{self, state, state_or_new},
    array::NullElement,
    error::{Result, Returned},
    text::Text,
    vector,
};

/// What the rows so far tell.
struct State {
    classifier: Rc<Classifier>,
    sample: Sample,
    aim: Aim,
    scores: classifier::Scores,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
enum Aim {
    Fit(Fit),
    /// A share for each class.
    Shares(Vec<f64>),
}

// SAFETY: the functions of this file that take or return a value of type internal are those of `clip_calibrate` and
// `clip_debias`.
unsafe impl aggregate::State for State {}

impl State {
    /// Adds a row, after which the state is what is returned; the first row makes it.
    fn add(
        mut argument: Internal,
        fcinfo: pg_sys::FunctionCallInfo,
        (truth, embedding, classifier): (Option<&Text>, vector::Stored<'_>, Stored<'_>),
        aim: impl FnOnce(&Classifier) -> Result<Aim>,
    ) -> Result<Internal> {
        let classifier = classifier.classifier()?;
        let aim = aim(&classifier)?;
        let state = state_or_new(&mut argument, fcinfo, |_| {
            Ok(State {
                sample: Sample::new(&classifier),
                classifier: Rc::clone(&classifier),
                aim: aim.clone(),
                scores: Default::default(),
            })
        })?;
        if !Rc::ptr_eq(&state.classifier, &classifier) && state.classifier != classifier {
            return Err(Error::DifferentClassifiers.into());
        }
        if state.aim != aim {
            return Err(Error::DifferentShares.into());
        }
        let unknown = |truth: &Text| Error::UnknownLabel {
            label: truth.as_str().to_owned(),
            labels: classifier.labels().iter().flatten().cloned().collect(),
        };
        let class = |truth: &Text| {
            classifier
                .position(truth.as_str())
                .map_err(|_| unknown(truth))
        };
        let truth = truth.map(class).transpose()?;
        classifier.score(&embedding, &mut state.scores)?;
        state.sample.add(&state.scores.logits, truth)?;
        Ok(argument)
    }
}

fn calibrate(
    state: Internal,
    row: (Option<Text>, Option<vector::Stored<'_>>, Option<Stored<'_>>),
    fit: Fit,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let (Some(truth), Some(embedding), Some(classifier)) = row else {
        return Ok(state);
    };
    let row = (Some(&truth), embedding, classifier);
    let aim = |classifier: &Classifier| {
        if fit == Fit::TemperatureAndBiases {
            check_biases(classifier)?;
        }
        Ok(Aim::Fit(fit))
    };
    Ok(State::add(state, fcinfo, row, aim)?)
}

#[pg_extern(sql = false)]
fn clip_calibrate_accum(
    state: Internal,
    truth: Option<Text>,
    embedding: Option<vector::Stored<'_>>,
    classifier: Option<Stored<'_>>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    calibrate(
        state,
        (truth, embedding, classifier),
        Fit::Temperature,
        fcinfo,
    )
}

#[pg_extern(sql = false)]
fn clip_calibrate_biases_accum(
    state: Internal,
    truth: Option<Text>,
    embedding: Option<vector::Stored<'_>>,
    classifier: Option<Stored<'_>>,
    biases: Option<bool>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let fit = match biases {
        Some(true) => Fit::TemperatureAndBiases,
        _ => Fit::Temperature,
    };
    calibrate(state, (truth, embedding, classifier), fit, fcinfo)
}

#[pg_extern(sql = false)]
fn clip_debias_accum(
    state: Internal,
    embedding: Option<vector::Stored<'_>>,
    classifier: Option<Stored<'_>>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let (Some(embedding), Some(classifier)) = (embedding, classifier) else {
        return Ok(state);
    };
    let equal = |classifier: &Classifier| {
        check_biases(classifier)?;
        let classes = classifier.labels().len();
        // Of one class alone, as much as there is to it where nobody knows.
        let share = 1.0 / classes.max(2) as f64;
        Ok(Aim::Shares(vec![share; classes]))
    };
    Ok(State::add(
        state,
        fcinfo,
        (None, embedding, classifier),
        equal,
    )?)
}

#[pg_extern(sql = false)]
fn clip_debias_shares_accum(
    state: Internal,
    embedding: Option<vector::Stored<'_>>,
    classifier: Option<Stored<'_>>,
    shares: Option<Array<f64>>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let (Some(embedding), Some(classifier)) = (embedding, classifier) else {
        return Ok(state);
    };
    let given = |classifier: &Classifier| {
        let shares = shares.ok_or(Error::DifferentShares)?;
        let shares: Option<Vec<f64>> = shares.iter().collect();
        let shares = shares.ok_or(NullElement("shares"))?;
        check_shares(classifier, &shares)?;
        Ok(Aim::Shares(shares))
    };
    Ok(State::add(
        state,
        fcinfo,
        (None, embedding, classifier),
        given,
    )?)
}

/// The classifier that fits the rows best; NULL where there are none.
#[pg_extern(sql = false)]
fn clip_calibrate_final(mut argument: Internal) -> Returned<Option<Value>> {
    let Some(state) = state::<State>(&mut argument) else {
        return Ok(None);
    };
    let pause = || -> Result<()> {
        pgrx::check_for_interrupts!();
        Ok(())
    };
    let fitted = match &state.aim {
        Aim::Fit(fit) => state.sample.fit(&state.classifier, *fit, pause),
        Aim::Shares(shares) => state.sample.debias(&state.classifier, shares, pause),
    };
    Ok(Some(Value::from(&fitted?)))
}
