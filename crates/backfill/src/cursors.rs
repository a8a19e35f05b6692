//! How far a process came in each table: it goes on from there.
//!
//! Entries of rows that were dealt with stay in the index of pending rows for as long as a snapshot is older, and looking
//! from the start of the table passes all of them. Rows that are written into space before a cursor are found when nothing
//! comes after it, or when it is too old.

use crate::Tid;
use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// For how long rows before a cursor may wait while others keep coming after it.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// Up to where tables were visited, by what names a table and its column.
#[derive(Debug)]
pub struct Cursors<K>(HashMap<K, Cursor>);

#[derive(Debug)]
struct Cursor {
    after: Tid,
    /// When the table was last visited from its start.
    began: Instant,
}

impl<K> Default for Cursors<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Cursors<K> {
    /// After which row to look for pending ones.
    pub fn start(&self, key: &K, now: Instant) -> Tid {
        let cursor = self.0.get(key);
        let fresh = cursor.filter(|cursor| now.duration_since(cursor.began) < KEPT_FOR);
        fresh.map_or(Tid::START, |cursor| cursor.after)
    }

    /// Keeps up to where a table was visited, from its start or from where it was left.
    pub fn keep(&mut self, key: K, after: Tid, from_start: bool, now: Instant) {
        let cursor = self.0.entry(key);
        let cursor = cursor.or_insert(Cursor { after, began: now });
        cursor.after = after;
        if from_start {
            cursor.began = now;
        }
    }
}
