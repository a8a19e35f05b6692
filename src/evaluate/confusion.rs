//! The aggregate `clip_confusion`, and functions of its values.
//!
//! A value is JSON, `{"labels": […], "counts": [[…], …], "none": […]}`: readable without clip_pg, and small enough to be
//! read again in every call.

use crate::{
    error::{Error as AnyError, Returned},
    json::JsonText,
    text::Text,
    vector::aggregate_context,
};
use ::evaluate::{Confusion, Tally};
use pgrx::{
    Internal, PgMemoryContexts,
    pg_sys::{self, panic::ErrorReport},
    prelude::*,
};

/// The state behind an argument.
fn of(argument: &mut Internal) -> Option<&mut Tally> {
    // SAFETY: SQL cannot make a value of type internal, so the server got it from a function of this file.
    unsafe { argument.get_mut() }
}

/// A state that is dropped when its memory context is reset or deleted, after an error as well.
fn state(tally: Tally, mut context: PgMemoryContexts) -> Internal {
    Internal::from(Some(context.leak_and_drop_on_delete(tally).into()))
}

fn matrix<T>(result: Result<T, ::evaluate::Error>) -> Returned<T> {
    result.map_err(|error| AnyError::from(error).into())
}

fn read(confusion: &JsonText) -> Returned<Confusion> {
    matrix(Confusion::from_json(&confusion.0))
}

/// Counts a row; one without a true label tells nothing.
#[pg_extern(sql = false)]
fn confusion_accum(
    mut counted: Internal,
    truth: Option<Text>,
    predicted: Option<Text>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let Some(truth) = truth else {
        return Ok(counted);
    };
    if of(&mut counted).is_none() {
        counted = state(Tally::default(), aggregate_context(fcinfo)?);
    }
    if let Some(tally) = of(&mut counted) {
        let predicted = predicted.as_ref().map(Text::as_str);
        matrix(tally.add(truth.as_str(), predicted, 1))?;
    }
    Ok(counted)
}

#[pg_extern(sql = false)]
fn confusion_combine(
    mut counted: Internal,
    mut other: Internal,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let Some(other) = of(&mut other) else {
        return Ok(counted);
    };
    // The other one's memory does not live as long as the aggregate where it was deserialized.
    if of(&mut counted).is_none() {
        counted = state(Tally::default(), aggregate_context(fcinfo)?);
    }
    if let Some(tally) = of(&mut counted) {
        matrix(tally.merge(other))?;
    }
    Ok(counted)
}

#[pg_extern(sql = false)]
fn confusion_serialize(mut counted: Internal) -> Option<Vec<u8>> {
    of(&mut counted).map(|tally| tally.to_json())
}

/// Into the memory of the current row, because the state is combined with another one at once.
#[pg_extern(sql = false)]
fn confusion_deserialize(
    bytes: &[u8],
    _unused: Internal,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    aggregate_context(fcinfo)?;
    let tally = matrix(Tally::from_json(bytes))?;
    Ok(state(tally, PgMemoryContexts::CurrentMemoryContext))
}

/// The matrix, one without labels where nothing was counted.
#[pg_extern(sql = false)]
fn confusion_final(mut counted: Internal) -> JsonText {
    let confusion = match of(&mut counted) {
        Some(tally) => tally.confusion(),
        None => Tally::default().confusion(),
    };
    JsonText(confusion.to_json())
}

/// True, or an error that says what is wrong with a value of the domain.
#[pg_extern(sql = false)]
fn confusion_check(confusion: JsonText) -> Returned<bool> {
    read(&confusion).map(|_| true)
}

/// The figures of each label, in the order of the matrix. Precision, recall and F1 are fractions of 1; one that would be a
/// division by zero is 0, as in scikit-learn's `precision_recall_fscore_support`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn clip_report(
    confusion: JsonText,
) -> Result<
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
) -> Result<
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
