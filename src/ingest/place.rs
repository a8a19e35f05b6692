//! How far a worker came in each table: it goes on from there.
//!
//! Entries of rows that were dealt with stay in the index of pending rows for as long as a snapshot is older, and looking
//! from the start of the table passes all of them. Rows that are written into space before the place are found when
//! nothing comes after it, or when it is too old.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::text::Text;

/// Before all rows.
const START: &str = "(0,0)";

/// For how long rows before a place may wait while others keep coming after it.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// A place up to which a table was visited.
struct Place {
    after: Text,
    /// When the table was last visited from its start.
    began: Instant,
}

thread_local! {
    /// By table and target.
    static PLACES: RefCell<HashMap<(pg_sys::Oid, Text), Place>> = RefCell::new(HashMap::new());
}

/// The place after which this process is to look for pending rows.
#[pg_extern(sql = false)]
fn last_place(relation: pg_sys::Oid, target: Text) -> Text {
    PLACES.with_borrow(|places| {
        let place = places.get(&(relation, target));
        let place = place.filter(|place| place.began.elapsed() < KEPT_FOR);
        place.map_or_else(|| Text::from(START.to_owned()), |place| place.after.clone())
    })
}

/// Keeps a place up to which a table was visited, from its start or from the last one.
#[pg_extern(sql = false)]
fn keep_place(relation: pg_sys::Oid, target: Text, after: Text, from_start: bool) {
    PLACES.with_borrow_mut(|places| {
        let known = places.remove(&(relation, target.clone()));
        let began = known.filter(|_| !from_start).map(|place| place.began);
        let began = began.unwrap_or_else(Instant::now);
        places.insert((relation, target), Place { after, began });
    });
}
