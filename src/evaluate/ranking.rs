//! Aggregates over rows with a score, some of which are relevant: average precision and its relatives.

use super::Error;
use crate::{
    aggregate::{self, for_row, state, state_or_new},
    error::{Error as AnyError, Result, Returned},
};
use ::evaluate::Ranking;
use pgrx::{Internal, PgMemoryContexts, check_for_interrupts, pg_sys, prelude::*};
use std::{num::NonZeroU64, ptr, slice};

/// What there is room for at first.
const FEW: usize = 8;

/// All scores, in the server's memory, and the depth that is asked for: none with functions that take none.
///
/// Aggregates of the same arguments share one. Their final functions sort it, which changes none of its meaning.
struct State {
    depth: Option<NonZeroU64>,
    relevant: Scores,
    others: Scores,
}

/// Scores without NaN, and without a sign of 0, in an allocation of their own, half of which may be empty.
struct Scores {
    start: *mut f64,
    count: usize,
    capacity: usize,
}

impl Scores {
    fn new(context: &mut PgMemoryContexts) -> Self {
        // SAFETY: an allocation of the right size and alignment, which lives as long as the context.
        let start = unsafe { context.palloc(FEW * size_of::<f64>()) }.cast();
        Self {
            start,
            count: 0,
            capacity: FEW,
        }
    }

    fn as_slice(&mut self) -> &mut [f64] {
        // SAFETY: the first `count` of the allocation were written.
        unsafe { slice::from_raw_parts_mut(self.start, self.count) }
    }

    fn extend(&mut self, scores: &[f64]) {
        let needed = self.count + scores.len();
        if needed > self.capacity {
            let capacity = needed.max(2 * self.capacity);
            // SAFETY: the allocation is of the server's, and nobody else refers to it. Where there is no memory, an error
            // leaves it as it is.
            let start =
                unsafe { pg_sys::repalloc_huge(self.start.cast(), capacity * size_of::<f64>()) };
            (self.start, self.capacity) = (start.cast(), capacity);
        }
        // SAFETY: there is room behind those that are there, and what is copied lies elsewhere.
        unsafe {
            let end = self.start.add(self.count);
            ptr::copy_nonoverlapping(scores.as_ptr(), end, scores.len());
        }
        self.count = needed;
    }
}

// SAFETY: the functions of this file that take or return a value of type internal are those of the aggregates of rankings.
unsafe impl aggregate::State for State {}

impl State {
    /// No scores, in `memory`.
    fn new(memory: &mut PgMemoryContexts, depth: Option<NonZeroU64>) -> Self {
        Self {
            depth,
            relevant: Scores::new(memory),
            others: Scores::new(memory),
        }
    }

    fn check_depth(&self, depth: Option<NonZeroU64>) -> Result<()> {
        match (self.depth, depth) {
            (Some(first), Some(other)) if first != other => {
                Err(Error::Depths(first.get(), other.get()).into())
            }
            _ => Ok(()),
        }
    }

    fn ranking(&mut self) -> Ranking<'_> {
        Ranking::new(self.relevant.as_slice(), self.others.as_slice(), || {
            check_for_interrupts!();
        })
    }
}

/// Adds a row, to a new state where there is none.
fn accum(
    mut argument: Internal,
    relevant: bool,
    score: f64,
    depth: Option<NonZeroU64>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<Internal> {
    if score.is_nan() {
        return Err(Error::NotANumber.into());
    }
    let state = state_or_new(&mut argument, fcinfo, |memory| {
        Ok(State::new(memory, depth))
    })?;
    state.check_depth(depth)?;
    let scores = match relevant {
        true => &mut state.relevant,
        false => &mut state.others,
    };
    // -0 + 0 is 0.
    scores.extend(&[score + 0.0]);
    Ok(argument)
}

/// Adds a row; one without a truth or a score is none.
#[pg_extern(sql = false)]
fn ranking_accum(
    state: Internal,
    truth: Option<bool>,
    score: Option<f64>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    match (truth, score) {
        (Some(truth), Some(score)) => Ok(accum(state, truth, score, None, fcinfo)?),
        _ => Ok(state),
    }
}

/// Adds a row, as [`ranking_accum`]; so is one without a depth.
#[pg_extern(sql = false)]
fn ranking_accum_at(
    state: Internal,
    truth: Option<bool>,
    score: Option<f64>,
    k: Option<i32>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let (Some(truth), Some(score), Some(k)) = (truth, score, k) else {
        return Ok(state);
    };
    let depth = u64::try_from(k).ok().and_then(NonZeroU64::new);
    if depth.is_none() {
        return Err(AnyError::from(Error::Depth(k)).into());
    }
    Ok(accum(state, truth, score, depth, fcinfo)?)
}

#[pg_extern(sql = false)]
fn ranking_combine(
    mut argument: Internal,
    mut other: Internal,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let Some(other) = state::<State>(&mut other) else {
        return Ok(argument);
    };
    let depth = other.depth;
    let state = state_or_new(&mut argument, fcinfo, |memory| {
        Ok(State::new(memory, depth))
    })?;
    state.check_depth(depth)?;
    state.relevant.extend(other.relevant.as_slice());
    state.others.extend(other.others.as_slice());
    Ok(argument)
}

/// For another process of this machine: the depth or 0, the number of relevant scores, then these and the others.
#[pg_extern(sql = false)]
fn ranking_serialize(mut argument: Internal) -> Option<Vec<u8>> {
    let state = state::<State>(&mut argument)?;
    let depth = state.depth.map_or(0, NonZeroU64::get);
    let header = [depth, state.relevant.count as u64].map(u64::to_ne_bytes);
    let (relevant, others) = (state.relevant.as_slice(), state.others.as_slice());
    let scores = relevant
        .iter()
        .chain(&*others)
        .map(|score| score.to_ne_bytes());
    Some(header.into_iter().chain(scores).flatten().collect())
}

#[pg_extern(sql = false)]
fn ranking_deserialize(
    bytes: &[u8],
    _unused: Internal,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let (words, _) = bytes.as_chunks::<8>();
    let ([depth, relevant], scores) = words
        .split_first_chunk::<2>()
        .map_or(([0, 0], words), |(header, scores)| {
            (header.map(u64::from_ne_bytes), scores)
        });
    let scores: Vec<f64> = scores
        .iter()
        .map(|&score| f64::from_ne_bytes(score))
        .collect();
    let (relevant, others) = scores.split_at(scores.len().min(relevant as usize));
    Ok(for_row(fcinfo, |memory| {
        let mut state = State::new(memory, NonZeroU64::new(depth));
        state.relevant.extend(relevant);
        state.others.extend(others);
        Ok(state)
    })?)
}

#[pg_extern(sql = false)]
fn average_precision_final(mut argument: Internal) -> Option<f64> {
    state::<State>(&mut argument)?.ranking().average_precision()
}

#[pg_extern(sql = false)]
fn r_precision_final(mut argument: Internal) -> Option<f64> {
    state::<State>(&mut argument)?.ranking().r_precision()
}

#[pg_extern(sql = false)]
fn precision_at_final(mut argument: Internal) -> Option<f64> {
    let state = state::<State>(&mut argument)?;
    let depth = state.depth?;
    state.ranking().precision_at(depth)
}

#[pg_extern(sql = false)]
fn best_threshold_final(mut argument: Internal) -> Option<f64> {
    state::<State>(&mut argument)?.ranking().best_threshold()
}
