//! `sum` and `avg`, in one pass and over several workers.
//!
//! Sums are kept in `f64`, in which those of up to 2¹³ halves are exact whatever they are (those of the elements of
//! normalised vectors up to 2²⁸): the result then does not depend on the order, nor on the plan.

use pgrx::prelude::*;
use pgrx::{Internal, PgMemoryContexts, pg_sys};

use super::datum::Stored;
use super::{Result, Vector};
use crate::aggregate::{self, NotInAggregate, for_row, state, state_or_new};
use crate::error::{Error as AnyError, Returned};

/// How many vectors were added up, and their sum, in the server's memory.
struct State {
    count: u64,
    /// Static as far as Rust can tell: it lives as long as the state does.
    sums: &'static mut [f64],
}

// SAFETY: the functions of this file that take or return a value of type internal are those of `sum` and `avg`.
unsafe impl aggregate::State for State {}

impl State {
    /// A sum of no vectors, in `memory`.
    fn new(memory: &mut PgMemoryContexts, dims: usize) -> Self {
        // SAFETY: the context is there, and all bits 0 are a number; the slice lives as long as the state, which lies there.
        let sums = unsafe { memory.palloc0_slice(dims) };
        Self { count: 0, sums }
    }

    fn check_dimensions(&self, dims: usize) -> Result<()> {
        if self.sums.len() == dims {
            return Ok(());
        }
        Err(halves::Error::DifferentDimensions(self.sums.len(), dims).into())
    }

    fn add(&mut self, count: u64, addends: impl IntoIterator<Item = f64>) {
        self.count += count;
        for (sum, addend) in self.sums.iter_mut().zip(addends) {
            *sum += addend;
        }
    }
}

#[pg_extern(sql = false)]
fn clip_vector_accum(
    mut argument: Internal,
    vector: Option<Stored<'_>>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let Some(vector) = vector else {
        return Ok(argument);
    };
    let sum = state_or_new(&mut argument, fcinfo, |memory| {
        Ok(State::new(memory, vector.len()))
    })?;
    sum.check_dimensions(vector.len())?;
    sum.add(1, vector.iter().map(|half| half.to_f64_const()));
    Ok(argument)
}

#[pg_extern(sql = false)]
fn clip_vector_combine(
    mut argument: Internal,
    mut other: Internal,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let Some(other) = state::<State>(&mut other) else {
        return Ok(argument);
    };
    let dims = other.sums.len();
    let sum = state_or_new(&mut argument, fcinfo, |memory| Ok(State::new(memory, dims)))?;
    sum.check_dimensions(dims)?;
    sum.add(other.count, other.sums.iter().copied());
    Ok(argument)
}

/// For another process of this machine: the count, then the sums.
#[pg_extern(sql = false)]
fn clip_vector_serialize(mut argument: Internal) -> Option<Vec<u8>> {
    let state = state::<State>(&mut argument)?;
    let sums = state.sums.iter().flat_map(|sum| sum.to_ne_bytes());
    Some(state.count.to_ne_bytes().into_iter().chain(sums).collect())
}

#[pg_extern(sql = false)]
fn clip_vector_deserialize(
    bytes: &[u8],
    _unused: Internal,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let (words, _) = bytes.as_chunks::<8>();
    let (count, sums) = words
        .split_first()
        .ok_or(NotInAggregate)
        .map_err(AnyError::from)?;
    Ok(for_row(fcinfo, |memory| {
        let mut sum = State::new(memory, sums.len());
        let sums = sums.iter().map(|&sum| f64::from_ne_bytes(sum));
        sum.add(u64::from_ne_bytes(*count), sums);
        Ok(sum)
    })?)
}

#[pg_extern(sql = false)]
fn clip_vector_sum(mut argument: Internal) -> Returned<Option<Vector>> {
    let Some(state) = state::<State>(&mut argument) else {
        return Ok(None);
    };
    Ok(Some(Vector::from_numbers(state.sums.iter().copied())?))
}

#[pg_extern(sql = false)]
fn clip_vector_avg(mut argument: Internal) -> Returned<Option<Vector>> {
    let Some(state) = state::<State>(&mut argument) else {
        return Ok(None);
    };
    let count = state.count as f64;
    Ok(Some(Vector::from_numbers(
        state.sums.iter().map(|sum| sum / count),
    )?))
}
