//! The states of aggregates: values of the SQL type internal, which SQL can neither make nor keep, and which the server
//! hands from one function of an aggregate to the next.

use crate::error::{Fields, Report, Result};
use pgrx::{
    FromDatum, Internal, PgMemoryContexts, PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, pg_getarg,
    pg_sys,
};
use std::{mem, ptr};

/// A support function, called as a function of its own: which SQL cannot do, as no value is internal.
#[derive(Debug, thiserror::Error)]
#[error("aggregate function called in non-aggregate context")]
pub struct NotInAggregate;

impl Report for NotInAggregate {
    fn fields(&self) -> Fields {
        Fields::of(ERRCODE_INTERNAL_ERROR)
    }
}

/// What an aggregate keeps from row to row.
///
/// One with nothing to drop lies in the server's memory, so that a hashed aggregation knows when it has to spill; what it
/// refers to is to lie there, too. Any other is dropped when the aggregate's memory goes, after an error as well.
///
/// # Safety
/// All functions that take or return this state, by the declarations of aggregates in SQL, take and return no other.
pub unsafe trait State: Sized + 'static {}

/// The state behind an argument; none where it is NULL.
pub fn state<T: State>(argument: &mut Internal) -> Option<&mut T> {
    // SAFETY: what the server hands over comes from a function of the same aggregate, whose state is a T, as T promises; no
    // two of its functions run at once.
    unsafe { argument.get_mut() }
}

/// The state behind an argument, or a new one, which is behind it from now on and lives as long as the aggregate that
/// `fcinfo` is a call of.
pub fn state_or_new<T: State>(
    argument: &mut Internal,
    fcinfo: pg_sys::FunctionCallInfo,
    new: impl FnOnce(&mut PgMemoryContexts) -> Result<T>,
) -> Result<&mut T> {
    if state::<T>(argument).is_none() {
        let mut memory = memory(fcinfo)?;
        let state = new(&mut memory)?;
        *argument = place(memory, state);
    }
    state(argument).ok_or_else(|| NotInAggregate.into())
}

/// A state that was handed over as bytes, in the memory of the current row, as `numeric_avg_deserialize` has it: it is
/// combined with another one at once, and the aggregate would keep one for each row otherwise.
pub fn for_row<T: State>(
    fcinfo: pg_sys::FunctionCallInfo,
    new: impl FnOnce(&mut PgMemoryContexts) -> Result<T>,
) -> Result<Internal> {
    memory(fcinfo)?;
    let mut memory = PgMemoryContexts::CurrentMemoryContext;
    let state = new(&mut memory)?;
    Ok(place(memory, state))
}

/// The memory of the aggregate that `fcinfo` is a call of.
pub fn memory(fcinfo: pg_sys::FunctionCallInfo) -> Result<PgMemoryContexts> {
    let mut context = ptr::null_mut();
    // SAFETY: the server's own call information; where it finds an aggregate it also finds its memory context.
    if unsafe { pg_sys::AggCheckCallContext(fcinfo, &mut context) } == 0 {
        return Err(NotInAggregate.into());
    }
    Ok(PgMemoryContexts::For(context))
}

fn place<T: State>(mut memory: PgMemoryContexts, state: T) -> Internal {
    let place: *mut T = if mem::needs_drop::<T>() {
        memory.leak_and_drop_on_delete(state)
    } else {
        // SAFETY: the context is there; what it allocates has the size that is asked for, and is aligned for any type.
        unsafe {
            let place = memory.palloc_struct::<T>();
            place.write(state);
            place
        }
    };
    Internal::from(Some(place.into()))
}

/// The argument at `index`, counted from 0, of functions that SQL declares with more or fewer of them; none where it is NULL
/// or not declared.
///
/// # Safety
/// Where it is declared it is of the SQL type that `T` reads.
pub unsafe fn argument<T: FromDatum>(fcinfo: pg_sys::FunctionCallInfo, index: usize) -> Option<T> {
    // SAFETY: the server's own call information, which says how many arguments follow it.
    let count = unsafe { usize::try_from((*fcinfo).nargs).unwrap_or(0) };
    if index >= count {
        return None;
    }
    // SAFETY: there is an argument of this index, which the caller says is of the type that T reads.
    unsafe { pg_getarg(fcinfo, index) }
}
