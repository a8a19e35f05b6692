//! What triggers have decided about the row that an executor is at.
//!
//! An UPDATE that moves a row to another partition is, for triggers, an UPDATE there, a DELETE, and an INSERT here, which
//! shows no old row. And ON CONFLICT DO UPDATE may take values of a row that an INSERT trigger has been at. So decisions
//! are remembered while the executor is at one row: between two resets of the memory that it calls triggers in. Commands
//! that are run meanwhile, by other triggers, have executors and memory of their own.

use super::value::{Subject, Value};
use pgrx::{pg_guard, pg_sys};
use std::{
    cell::RefCell,
    ffi::{CStr, c_void},
};

/// Of the function `pg_partition_root`, which the server's headers do not name.
const PARTITION_ROOT: pg_sys::Oid = pg_sys::Oid::from_u32(3424);

thread_local! {
    /// Of all executors that are at a row: no more than there are commands within commands.
    static DECISIONS: RefCell<Vec<Decision>> = const { RefCell::new(Vec::new()) };
}

/// The target that a trigger has given to a row.
#[derive(Clone, Copy)]
struct Decision {
    /// The memory that the executor resets with each row; the values are in it.
    cycle: pg_sys::MemoryContext,
    table: pg_sys::Oid,
    column: i16,
    made: Made,
    target: Value,
}

/// By which command.
#[derive(Clone, Copy)]
enum Made {
    /// An INSERT.
    Inserted,
    /// An UPDATE that left the subject alone, and the SHA-256 of the model.
    Kept(Subject, *const CStr),
}

/// Remembers the target that an INSERT trigger has given to a row.
///
/// # Safety
/// To be called by the trigger; the value is there as long as the current memory context.
pub unsafe fn inserted(table: pg_sys::Oid, column: i16, target: Value) {
    // SAFETY: the value is there as long as the memory context, which is all that is asked.
    unsafe { remember(table, column, Made::Inserted, target) };
}

/// Remembers the target that a row keeps in an UPDATE that leaves its subject alone. In the old row the source is no longer
/// than a page, so that there is little to copy.
///
/// # Safety
/// To be called by the trigger, with the subject of the old row; `model` is the trigger's.
pub unsafe fn kept(table: pg_sys::Oid, column: i16, model: &CStr, old: &Subject, target: &Value) {
    // SAFETY: the old row, of which the subject is, is there during the call; the copies are there as long as the memory context.
    unsafe {
        let made = Made::Kept(old.copy(), model);
        remember(table, column, made, target.copy());
    }
}

/// Whether the target is one that an INSERT trigger has given to the row that is in conflict with this one.
///
/// # Safety
/// To be called by the trigger with a value of the new row.
pub unsafe fn is_excluded(table: pg_sys::Oid, column: i16, target: &Value) -> bool {
    decisions().iter().any(|decision| {
        matches!(decision.made, Made::Inserted)
            && (decision.table, decision.column) == (table, column)
            // SAFETY: the new row is there during the call, and what `inserted` was given as long as the executor is at the
            // row, which `decisions` has seen to.
            && unsafe { decision.target.is_same(target) }
    })
}

/// Whether a row that comes into a partition with these values has moved, with its target, from another one of the same
/// table, where the target was by the same model.
///
/// # Safety
/// To be called by the trigger with values of the new row.
pub unsafe fn has_moved(
    table: pg_sys::Oid,
    model: &CStr,
    subject: &Subject,
    target: &Value,
) -> bool {
    decisions().iter().any(|decision| {
        // SAFETY: the new row is there during the call, the copies that `kept` made as long as the executor is at the row,
        // and arguments of triggers as long as the command. The function takes a table and returns one for partitions.
        unsafe {
            let Made::Kept(kept, by) = decision.made else {
                return false;
            };
            let root = |table: pg_sys::Oid| {
                pg_sys::OidFunctionCall1Coll(PARTITION_ROOT, pg_sys::InvalidOid, table.into())
            };
            decision.table != table
                && *by == *model
                && kept.is_same(subject)
                && decision.target.is_same(target)
                && root(decision.table) == root(table)
        }
    })
}

/// Those about the row that the calling executor is at.
fn decisions() -> Vec<Decision> {
    // SAFETY: reads a variable of this process.
    let cycle = unsafe { pg_sys::CurrentMemoryContext };
    DECISIONS.with_borrow(|all| {
        let of_cycle = all.iter().filter(|decision| decision.cycle == cycle);
        of_cycle.copied().collect()
    })
}

/// # Safety
/// To be called by the trigger; the values are there as long as the current memory context.
unsafe fn remember(table: pg_sys::Oid, column: i16, made: Made, target: Value) {
    // SAFETY: reads a variable of this process.
    let cycle = unsafe { pg_sys::CurrentMemoryContext };
    let is_new = DECISIONS.with_borrow(|all| all.iter().all(|decision| decision.cycle != cycle));
    if is_new {
        // SAFETY: the callback is in the memory that it is for, and is called once, before that is gone.
        unsafe {
            let size = size_of::<pg_sys::MemoryContextCallback>();
            let callback = pg_sys::MemoryContextAlloc(cycle, size).cast();
            *callback = pg_sys::MemoryContextCallback {
                func: Some(forget),
                arg: cycle.cast(),
                next: std::ptr::null_mut(),
            };
            pg_sys::MemoryContextRegisterResetCallback(cycle, callback);
        }
    }
    let decision = Decision {
        cycle,
        table,
        column,
        made,
        target,
    };
    DECISIONS.with_borrow_mut(|all| {
        all.retain(|old| (old.cycle, old.table, old.column) != (cycle, table, column));
        all.push(decision);
    });
}

/// The executor has gone on.
#[pg_guard]
unsafe extern "C-unwind" fn forget(cycle: *mut c_void) {
    // While the process exits there may be nothing left to forget.
    let _ = DECISIONS.try_with(|all| {
        all.borrow_mut()
            .retain(|decision| decision.cycle.cast() != cycle);
    });
}
