//! A memo of embeddings in memory of a fixed size: sets of [`WAYS`] entries.
//!
//! A digest chooses a set; a new entry takes the place of the one in its set that was not asked for longest. Sets are large
//! enough to fill up evenly, as the digests are. Embeddings are kept in half precision, in which SQL has them anyway.
//!
//! Invariant: what [`Set::get`] changes is atomic, so that any number of processes may read a set at once.

use crate::key::Digest;
use half::{f16, slice::HalfFloatSliceExt};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Entries of a set.
pub const WAYS: usize = 32;

/// Entries, each spread over the arrays: keys are looked through, vectors are long. Zeros are an empty set.
#[repr(C)]
pub struct Set<const DIMENSIONS: usize> {
    keys: [Digest; WAYS],
    /// When each was last asked for, 0 for an entry that is empty.
    used: [AtomicU64; WAYS],
    lengths: [usize; WAYS],
    vectors: [[f16; DIMENSIONS]; WAYS],
}

impl<const DIMENSIONS: usize> Set<DIMENSIONS> {
    /// The embedding that is remembered under `key`, which was asked for at `now`: a count from 1 of what was asked.
    pub fn get(&self, key: &Digest, now: u64) -> Option<&[f16]> {
        let index = self.position(key)?;
        self.used[index].store(now, Relaxed);
        self.vectors[index].get(..self.lengths[index])
    }

    /// Remembers the embedding `row` under `key`, unless it is longer than any entry may be.
    pub fn put(&mut self, key: &Digest, row: &[f32], now: u64) {
        // Another process may have been faster.
        let Some(index) = self.position(key).or_else(|| self.oldest()) else {
            return;
        };
        let Some(vector) = self.vectors[index].get_mut(..row.len()) else {
            return;
        };
        vector.convert_from_f32_slice(row);
        self.keys[index] = *key;
        self.lengths[index] = row.len();
        *self.used[index].get_mut() = now;
    }

    fn position(&self, key: &Digest) -> Option<usize> {
        (0..WAYS).find(|&n| self.keys[n] == *key && self.used[n].load(Relaxed) != 0)
    }

    fn oldest(&self) -> Option<usize> {
        (0..WAYS).min_by_key(|&n| self.used[n].load(Relaxed))
    }
}

/// Which of `sets` sets a digest belongs to; none where there are none.
pub fn set_of(key: &Digest, sets: usize) -> Option<usize> {
    let (hash, _) = key.split_first_chunk()?;
    let index = u64::from_le_bytes(*hash).checked_rem(sets as u64)?;
    Some(index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    type Small = Set<4>;

    fn empty() -> Small {
        Small {
            keys: [[0; 32]; WAYS],
            used: [const { AtomicU64::new(0) }; WAYS],
            lengths: [0; WAYS],
            vectors: [[f16::ZERO; 4]; WAYS],
        }
    }

    fn digest(n: u8) -> Digest {
        [n; 32]
    }

    #[test]
    fn an_empty_set_knows_nothing() {
        // Not even the digest that empty entries hold.
        assert_eq!(empty().get(&digest(0), 1), None);
    }

    #[test]
    fn long_rows_are_not_remembered() {
        let mut set = empty();
        set.put(&digest(1), &[1.0; 5], 1);
        assert_eq!(set.get(&digest(1), 2), None);
        set.put(&digest(1), &[1.0; 4], 3);
        assert_eq!(set.get(&digest(1), 4), Some(&[f16::ONE; 4][..]));
    }

    #[test]
    fn digests_choose_sets() {
        assert_eq!(set_of(&digest(9), 0), None);
        assert_eq!(set_of(&digest(9), 1), Some(0));
        let mut filled = [0; 7];
        for n in 0..700_u64 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_le_bytes());
            filled[set_of(&key, 7).unwrap()] += 1;
        }
        assert_eq!(filled, [100; 7]);
    }

    proptest! {
        /// A set holds what a list of the last used holds.
        #[test]
        fn the_last_used_stay(calls in vec((any::<bool>(), 0..60_u8), 0..400)) {
            let (mut set, mut model) = (empty(), Vec::<u8>::new());
            for (now, (is_put, n)) in (1..).zip(calls) {
                let row = [f32::from(n), -1.0];
                let known = model.iter().position(|&known| known == n);
                if is_put {
                    set.put(&digest(n), &row, now);
                } else {
                    let found = set.get(&digest(n), now).map(<[f16]>::to_vec);
                    let expected = known.map(|_| row.map(f16::from_f32).to_vec());
                    prop_assert_eq!(found, expected);
                }
                if let Some(index) = known {
                    model.remove(index);
                }
                if is_put || known.is_some() {
                    model.push(n);
                }
                if model.len() > WAYS {
                    model.remove(0);
                }
            }
        }
    }
}
