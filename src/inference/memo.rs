//! The embeddings that this process has computed last.
//!
//! A bare `embedding <=> clip_embed_text('…')` is evaluated for every row of a sequential scan. An entry is what one call
//! embedded, all of its texts: rows of one batch may differ in the last bit from the same texts in another, and a result must
//! not depend on what was asked before. The [memo of the worker](super::worker), which all sessions share, has the same keys
//! with one text each: what it gives depends on which texts came together anyway.

use crate::{error::Result, vector::Vector};
use exchange::key::{self, Key, Kind};
use lru::LruCache;
use std::{cell::RefCell, num::NonZero, rc::Rc};

/// Entries at most.
const CAPACITY: NonZero<usize> = NonZero::new(64).unwrap();

/// Bytes of keys and vectors at most, all entries together.
const CAPACITY_BYTES: usize = 8 << 20;

struct Memo {
    entries: LruCache<Key, Rc<[Vector]>>,
    /// Of the keys and vectors of all entries.
    bytes: usize,
    /// What was looked up last: most calls need no memory for that.
    wanted: Vec<u8>,
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::new(Memo {
        entries: LruCache::new(CAPACITY),
        bytes: 0,
        wanted: Vec::new(),
    });
}

/// The embeddings of `inputs` by the model with this identity: remembered, or else computed and remembered from now on in
/// place of what was not asked for longest.
pub fn remember<'a>(
    kind: Kind,
    identity: &str,
    inputs: impl Iterator<Item = &'a [u8]> + Clone,
    compute: impl FnOnce() -> Result<Rc<[Vector]>>,
) -> Result<Rc<[Vector]>> {
    let known = MEMO.with_borrow_mut(|memo| {
        key::write(&mut memo.wanted, kind, identity, inputs.clone());
        let known = memo.entries.get(memo.wanted.as_slice()).map(Rc::clone);
        if known.is_none() {
            // It may be long, and stay for nothing.
            memo.wanted = Vec::new();
        }
        known
    });
    if let Some(vectors) = known {
        return Ok(vectors);
    }
    let vectors = compute()?;
    let key = Key::new(kind, identity, inputs);
    MEMO.with_borrow_mut(|memo| memo.put(key, Rc::clone(&vectors)));
    Ok(vectors)
}

impl Memo {
    fn put(&mut self, key: Key, vectors: Rc<[Vector]>) {
        let bytes = bytes(&key, &vectors);
        if bytes > CAPACITY_BYTES {
            return;
        }
        self.bytes += bytes;
        // What was pushed out, or stood under the same key.
        let mut gone = self.entries.push(key, vectors);
        loop {
            if let Some((key, vectors)) = gone {
                self.bytes -= self::bytes(&key, &vectors);
            }
            if self.bytes <= CAPACITY_BYTES {
                break;
            }
            gone = self.entries.pop_lru();
        }
    }
}

fn bytes(key: &Key, vectors: &[Vector]) -> usize {
    let vectors = vectors.iter().map(|vector| size_of_val(vector.halves()));
    key.bytes() + vectors.sum::<usize>()
}
