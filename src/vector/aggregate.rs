//! `sum` and `avg`, in one pass and over several workers.
//!
//! Sums are kept in `f64`, in which those of up to 2¹³ halves are exact whatever they are (those of the elements of
//! normalised vectors up to 2²⁸): the result then does not depend on the order, nor on the plan.

use std::ptr;

use pgrx::prelude::*;
use pgrx::{Internal, PgMemoryContexts, pg_sys};

use super::datum::Stored;
use super::{Error, Vector};
use crate::error::Returned;

/// How many vectors were added up, and their sum.
///
/// Both lie in the server's memory rather than in Rust's heap, so that a hashed aggregation knows when it has to spill.
struct State {
    count: u64,
    /// Static as far as Rust can tell: it lives as long as the state does.
    sums: &'static mut [f64],
}

impl State {
    /// A sum of no vectors, in `context`.
    fn new(mut context: PgMemoryContexts, dims: usize) -> &'static mut Self {
        // SAFETY: allocations of the right size and alignment, the first of them zeroed, which live as long as the
        // context: so does every datum that refers to them.
        unsafe {
            let sums = context.palloc0_slice(dims);
            let state = context.palloc_struct::<Self>();
            state.write(Self { count: 0, sums });
            &mut *state
        }
    }

    /// The state behind an argument.
    fn of(argument: &mut Internal) -> Option<&mut Self> {
        // SAFETY: SQL cannot make a value of type internal, so the server got it from a function of this file.
        unsafe { argument.get_mut() }
    }

    fn check_dimensions(&self, dims: usize) -> Returned<()> {
        if self.sums.len() == dims {
            return Ok(());
        }
        Err(Error::DifferentDimensions(self.sums.len(), dims).into())
    }

    fn add(&mut self, count: u64, addends: impl IntoIterator<Item = f64>) {
        self.count += count;
        for (sum, addend) in self.sums.iter_mut().zip(addends) {
            *sum += addend;
        }
    }

    fn as_internal(&mut self) -> Internal {
        Internal::from(Some(ptr::from_mut(self).into()))
    }
}

/// The memory of the aggregate that `fcinfo` is a call of.
pub fn aggregate_context(fcinfo: pg_sys::FunctionCallInfo) -> Returned<PgMemoryContexts> {
    let mut context = ptr::null_mut();
    // SAFETY: the server's own call information; where it finds an aggregate it also finds its memory context.
    if unsafe { pg_sys::AggCheckCallContext(fcinfo, &mut context) } == 0 {
        return Err(Error::NotInAggregate.into());
    }
    Ok(PgMemoryContexts::For(context))
}

#[pg_extern(sql = false)]
fn clip_vector_accum(
    mut state: Internal,
    vector: Option<Stored<'_>>,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let Some(vector) = vector else {
        return Ok(state);
    };
    let state = match State::of(&mut state) {
        Some(state) => state,
        None => State::new(aggregate_context(fcinfo)?, vector.len()),
    };
    state.check_dimensions(vector.len())?;
    state.add(1, vector.iter().map(|half| half.to_f64_const()));
    Ok(state.as_internal())
}

#[pg_extern(sql = false)]
fn clip_vector_combine(
    mut state: Internal,
    mut other: Internal,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let Some(other) = State::of(&mut other) else {
        return Ok(state);
    };
    // The other one's memory does not live as long as the aggregate where it was deserialized.
    let state = match State::of(&mut state) {
        Some(state) => state,
        None => State::new(aggregate_context(fcinfo)?, other.sums.len()),
    };
    state.check_dimensions(other.sums.len())?;
    state.add(other.count, other.sums.iter().copied());
    Ok(state.as_internal())
}

/// For another process of this machine: the count, then the sums.
#[pg_extern(sql = false)]
fn clip_vector_serialize(mut state: Internal) -> Option<Vec<u8>> {
    let state = State::of(&mut state)?;
    let sums = state.sums.iter().flat_map(|sum| sum.to_ne_bytes());
    Some(state.count.to_ne_bytes().into_iter().chain(sums).collect())
}

/// Into the memory of the current row, as `numeric_avg_deserialize` does it: the state is combined with another one at once, and the
/// aggregate would keep one for each row otherwise.
#[pg_extern(sql = false)]
fn clip_vector_deserialize(
    bytes: &[u8],
    _unused: Internal,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Returned<Internal> {
    let (words, _) = bytes.as_chunks::<8>();
    let (count, sums) = words.split_first().ok_or(Error::NotInAggregate)?;
    aggregate_context(fcinfo)?;
    let state = State::new(PgMemoryContexts::CurrentMemoryContext, sums.len());
    let count = u64::from_ne_bytes(*count);
    state.add(count, sums.iter().map(|&sum| f64::from_ne_bytes(sum)));
    Ok(state.as_internal())
}

#[pg_extern(sql = false)]
fn clip_vector_sum(mut state: Internal) -> Returned<Option<Vector>> {
    let Some(state) = State::of(&mut state) else {
        return Ok(None);
    };
    Ok(Some(Vector::from_numbers(state.sums.iter().copied())?))
}

#[pg_extern(sql = false)]
fn clip_vector_avg(mut state: Internal) -> Returned<Option<Vector>> {
    let Some(state) = State::of(&mut state) else {
        return Ok(None);
    };
    let count = state.count as f64;
    Ok(Some(Vector::from_numbers(
        state.sums.iter().map(|sum| sum / count),
    )?))
}
