//! The classifiers that this process has decoded last.
//!
//! A query classifies row after row by the same value, which is read, checked and laid out once. It is known again by
//! the fingerprint at its front, wherever it lies; one that is compressed or out of line by what its row holds, for as long as
//! the statement runs. Not kept by the place of the call: functions that return rows keep their own state there.

use std::cell::RefCell;
use std::rc::Rc;

use classifier::{Classifier, FINGERPRINT_BYTES};
use pgrx::pg_sys;

use super::datum::{Key, Stored};
use crate::error::Result;

/// Classifiers at most.
const CAPACITY: usize = 16;

/// Bytes of vectors at most, all classifiers but the last used one together.
const CAPACITY_BYTES: usize = 16 << 20;

struct Entry {
    fingerprint: [u8; FINGERPRINT_BYTES],
    /// What a row held instead, and when the statement began.
    in_row: Option<(i64, Box<[u8]>)>,
    classifier: Rc<Classifier>,
}

thread_local! {
    /// The last used one comes first.
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

impl Stored<'_> {
    /// The classifier, decoded once for many calls.
    pub fn classifier(&self) -> Result<Rc<Classifier>> {
        classifier(self)
    }
}

/// The classifier that a value holds.
fn classifier(stored: &Stored<'_>) -> Result<Rc<Classifier>> {
    let in_row = match stored.key() {
        Key::Front(front) => {
            if let Some(known) = find(|entry| entry.fingerprint == front) {
                return Ok(known);
            }
            None
        }
        Key::InRow(bytes) => {
            // SAFETY: reads a variable of this process.
            let statement = unsafe { pg_sys::GetCurrentStatementStartTimestamp() };
            let same = |entry: &Entry| {
                let in_row = entry.in_row.as_ref();
                in_row.is_some_and(|(when, known)| *when == statement && **known == *bytes)
            };
            if let Some(known) = find(same) {
                return Ok(known);
            }
            Some((statement, Box::from(bytes)))
        }
    };
    let fingerprint = stored.fingerprint()?;
    let classifier = match find(|entry| entry.fingerprint == fingerprint) {
        Some(known) => known,
        None => put(fingerprint, stored.with_bytes(Classifier::from_bytes)?),
    };
    ENTRIES.with_borrow_mut(|entries| entries[0].in_row = in_row);
    Ok(classifier)
}

/// The classifier of an entry, which comes first from now on.
fn find(is_it: impl Fn(&Entry) -> bool) -> Option<Rc<Classifier>> {
    ENTRIES.with_borrow_mut(|entries| {
        let index = entries.iter().position(is_it)?;
        entries[..=index].rotate_right(1);
        Some(Rc::clone(&entries[0].classifier))
    })
}

/// Puts a classifier first, and drops those at the end for which there is no room.
fn put(fingerprint: [u8; FINGERPRINT_BYTES], classifier: Classifier) -> Rc<Classifier> {
    let classifier = Rc::new(classifier);
    ENTRIES.with_borrow_mut(|entries| {
        let mut total = 0;
        let kept = entries.iter().take(CAPACITY - 1).take_while(|entry| {
            let vectors = entry.classifier.vectors();
            total += vectors.len() * entry.classifier.dimensions() * size_of::<f32>();
            total <= CAPACITY_BYTES
        });
        let kept = kept.count();
        entries.truncate(kept);
        let entry = Entry {
            fingerprint,
            in_row: None,
            classifier: Rc::clone(&classifier),
        };
        entries.insert(0, entry);
    });
    classifier
}
