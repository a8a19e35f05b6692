//! The bases of codes that this process has read, by index.

use std::cell::RefCell;
use std::sync::Arc;

use graph::basis::Basis;
use pgrx::pg_sys;

/// Bases kept per process. One takes a few hundred kilobytes, and reading one takes longer than a search.
const KNOWN: usize = 32;

thread_local! {
    /// By the index's OID, the last used first. The graph finds out itself when one is no more the index's.
    static BASES: RefCell<Vec<(pg_sys::Oid, Arc<Basis>)>> = const { RefCell::new(Vec::new()) };
}

/// The basis that an index had when it was last read.
pub fn known(index: pg_sys::Oid) -> Option<Arc<Basis>> {
    BASES.with_borrow_mut(|bases| {
        let at = bases.iter().position(|&(id, _)| id == index)?;
        bases[..=at].rotate_right(1);
        Some(bases[0].1.clone())
    })
}

/// Remembers the basis of an index.
pub fn remember(index: pg_sys::Oid, basis: Arc<Basis>) {
    BASES.with_borrow_mut(|bases| {
        bases.retain(|&(id, _)| id != index);
        bases.insert(0, (index, basis));
        bases.truncate(KNOWN);
    });
}
