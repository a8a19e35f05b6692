//! The embeddings that this process has computed last.
//!
//! A bare `embedding <=> clip_embed_text('…')` is evaluated for every row of a sequential scan. An entry is what one call embedded, all of its texts: rows of one batch
//! may differ in the last bit from the same texts in another, and a result must not depend on what was asked before.

use crate::{error::Result, vector::Vector};
use std::{cell::RefCell, rc::Rc};

/// Entries at most.
const CAPACITY: usize = 64;

/// Bytes of inputs and vectors at most, all entries together.
const CAPACITY_BYTES: usize = 8 << 20;

/// What was embedded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Texts in UTF-8.
    Text,
    /// A region of an image file: the SHA-256 of the file, and the region's name.
    Image,
}

struct Entry {
    kind: Kind,
    identity: String,
    inputs: Vec<Box<[u8]>>,
    vectors: Rc<[Vector]>,
    bytes: usize,
}

thread_local! {
    /// The last used entry comes first.
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// The embeddings of `inputs` by the model with this identity: remembered, or else computed and remembered from now on
/// in place of what was not asked for longest.
pub fn remember(
    kind: Kind,
    identity: &str,
    inputs: &[&[u8]],
    compute: impl FnOnce() -> Result<Rc<[Vector]>>,
) -> Result<Rc<[Vector]>> {
    let known = ENTRIES.with_borrow_mut(|entries| {
        let index = entries.iter().position(|entry| {
            entry.kind == kind
                && entry.identity == identity
                && entry
                    .inputs
                    .iter()
                    .map(|input| &**input)
                    .eq(inputs.iter().copied())
        })?;
        entries[..=index].rotate_right(1);
        Some(Rc::clone(&entries[0].vectors))
    });
    if let Some(vectors) = known {
        return Ok(vectors);
    }
    let vectors = compute()?;
    let bytes = inputs.iter().map(|input| input.len()).sum::<usize>()
        + vectors
            .iter()
            .map(|vector| size_of_val(vector.halves()))
            .sum::<usize>();
    if bytes <= CAPACITY_BYTES {
        put(Entry {
            kind,
            identity: identity.to_owned(),
            inputs: inputs.iter().map(|&input| input.into()).collect(),
            vectors: Rc::clone(&vectors),
            bytes,
        });
    }
    Ok(vectors)
}

/// Puts an entry first, and drops those at the end for which there is no room.
fn put(entry: Entry) {
    ENTRIES.with_borrow_mut(|entries| {
        entries.insert(0, entry);
        let mut total = 0;
        let kept = entries.iter().take(CAPACITY).take_while(|entry| {
            total += entry.bytes;
            total <= CAPACITY_BYTES
        });
        let kept = kept.count();
        entries.truncate(kept);
    });
}
