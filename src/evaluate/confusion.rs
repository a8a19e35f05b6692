//! The aggregate `clip_confusion`, and functions of its values.
//!
//! A value is JSON, `{"labels": […], "counts": [[…], …], "none": […]}`: readable without clip_pg, and small enough to be
//! read again in every call.

use crate::{
    aggregate::{self, for_row, state, state_or_new},
    error::{Error, Result, Returned},
    json::JsonText,
    text::Text,
};
use ::evaluate::{Confusion, Tally};
use pgrx::{
    Internal,
    pg_sys::{self, panic::ErrorReport},
    prelude::*,
};

// SAFETY: the functions of this file that take or return a value of type internal are those of `clip_confusion`.
unsafe impl aggregate::State for Tally {}

fn read(confusion: &JsonText) -> Result<Confusion> {
    Ok(Confusion::from_json(&confusion.0)?)
}

/// Counts a row; one without a true label tells nothing.
#[pg_extern(sql = false)]
fn confusion_accum(
    mut argument: Internal,
    truth: Option<Text>,
    predicted: Option<Text>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let Some(truth) = truth else {
        return Ok(argument);
    };
    let predicted = predicted.as_ref().map(Text::as_str);
    let tally = state_or_new(&mut argument, fcinfo, |_| Ok(Tally::default()))?;
    let counted = tally.add(truth.as_str(), predicted, 1);
    counted.map_err(Error::from)?;
    Ok(argument)
}

#[pg_extern(sql = false)]
fn confusion_combine(
    mut argument: Internal,
    mut other: Internal,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let Some(other) = state::<Tally>(&mut other) else {
        return Ok(argument);
    };
    let tally = state_or_new(&mut argument, fcinfo, |_| Ok(Tally::default()))?;
    tally.merge(other).map_err(Error::from)?;
    Ok(argument)
}

#[pg_extern(sql = false)]
fn confusion_serialize(mut argument: Internal) -> Option<Vec<u8>> {
    state::<Tally>(&mut argument).map(|tally| tally.to_json())
}

#[pg_extern(sql = false)]
fn confusion_deserialize(
    bytes: &[u8],
    _unused: Internal,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    Ok(for_row(fcinfo, |_| Ok(Tally::from_json(bytes)?))?)
}

/// The matrix, one without labels where nothing was counted.
#[pg_extern(sql = false)]
fn confusion_final(mut argument: Internal) -> JsonText {
    let confusion = match state::<Tally>(&mut argument) {
        Some(tally) => tally.confusion(),
        None => Tally::default().confusion(),
    };
    JsonText(confusion.to_json())
}

/// True, or an error that says what is wrong with a value of the domain.
#[pg_extern(sql = false)]
fn confusion_check(confusion: JsonText) -> Returned<bool> {
    read(&confusion)?;
    Ok(true)
}

/// The figures of each label, in the order of the matrix. Precision, recall and F1 are fractions of 1; one that would be a
/// division by zero is 0, as in scikit-learn's `precision_recall_fscore_support`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn clip_report(
    confusion: JsonText,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(label, Text),
            name!(support, i64),
            name!(predicted, i64),
            name!(precision, f64),
            name!(recall, f64),
            name!(f1, f64),
        ),
    >,
    ErrorReport,
> {
    let confusion = read(&confusion)?;
    let rows = confusion.report().into_iter().map(|row| {
        let label = Text::from(row.label.to_owned());
        // Counts do not add up to more than 2⁵³.
        let (support, predicted) = (row.support as i64, row.predicted as i64);
        (label, support, predicted, row.precision, row.recall, row.f1)
    });
    Ok(TableIterator::new(rows.collect::<Vec<_>>()))
}

/// One row with the figures of all labels together, fractions of 1: those of scikit-learn's `accuracy_score` (micro),
/// `precision_recall_fscore_support`, `balanced_accuracy_score` and `cohen_kappa_score`; NULL where no row was counted.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn clip_accuracy(
    confusion: JsonText,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(support, i64),
            name!(micro, Option<f64>),
            name!(macro_precision, Option<f64>),
            name!(macro_recall, Option<f64>),
            name!(macro_f1, Option<f64>),
            name!(weighted_f1, Option<f64>),
            name!(balanced, Option<f64>),
            name!(kappa, Option<f64>),
        ),
    >,
    ErrorReport,
> {
    let confusion = read(&confusion)?;
    let accuracy = confusion.accuracy();
    let figure = |figure: fn(&::evaluate::Accuracy) -> f64| accuracy.as_ref().map(figure);
    Ok(TableIterator::once((
        confusion.support() as i64,
        figure(|a| a.micro),
        figure(|a| a.macro_precision),
        figure(|a| a.macro_recall),
        figure(|a| a.macro_f1),
        figure(|a| a.weighted_f1),
        figure(|a| a.balanced),
        figure(|a| a.kappa),
    )))
}

/// The matrix as a table of text, for psql in unaligned mode and for logs.
#[pg_extern(sql = false)]
fn clip_confusion_table(confusion: JsonText) -> Returned<Text> {
    Ok(read(&confusion)?.to_string().into())
}
