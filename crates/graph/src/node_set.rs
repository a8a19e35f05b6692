//! Which nodes a search has heard of.

use std::mem;

use fixedbitset::FixedBitSet;
use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;

/// A set of nodes, by their ids.
pub trait NodeSet: Default {
    /// Removes all.
    fn clear(&mut self);

    /// Adds an id. Returns whether it is new.
    fn insert(&mut self, id: u32) -> bool;

    /// Bytes of memory in use, nearly.
    fn bytes(&self) -> usize;
}

/// A few of any number of nodes.
pub struct HashedNodes(HashSet<u32, FxBuildHasher>);

impl Default for HashedNodes {
    fn default() -> Self {
        // What a search of usual width hears of, so that it seldom grows.
        Self(HashSet::with_capacity_and_hasher(1 << 10, FxBuildHasher))
    }
}

impl NodeSet for HashedNodes {
    fn clear(&mut self) {
        self.0.clear();
    }

    #[inline]
    fn insert(&mut self, id: u32) -> bool {
        self.0.insert(id)
    }

    fn bytes(&self) -> usize {
        self.0.allocation_size()
    }
}

/// Any of a known number of nodes, a bit each. Clearing it costs what was put in, not what there is.
#[derive(Default)]
pub struct DenseNodes {
    nodes: FixedBitSet,
    /// For each block of words, whether it may not be all zeros. Bytes, for they are written at every step of a search.
    touched: Vec<bool>,
}

impl DenseNodes {
    /// Words of a block: 4 096 nodes.
    const BLOCK: usize = 4096 / usize::BITS as usize;
}

impl NodeSet for DenseNodes {
    fn clear(&mut self) {
        let blocks = self.nodes.as_mut_slice().chunks_exact_mut(Self::BLOCK);
        for (words, touched) in blocks.zip(&mut self.touched) {
            if mem::take(touched) {
                words.fill(0);
            }
        }
    }

    #[inline]
    fn insert(&mut self, id: u32) -> bool {
        let (id, bits) = (id as usize, Self::BLOCK * usize::BITS as usize);
        let block = id / bits;
        if block >= self.touched.len() {
            self.touched.resize(block + 1, false);
            self.nodes.grow((block + 1) * bits);
        }
        self.touched[block] = true;
        !self.nodes.put(id)
    }

    fn bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice()) + self.touched.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeSet;

    fn agrees<S: NodeSet>() {
        let (mut random, mut set) = (Random::new(1), S::default());
        // Miri takes its time.
        let inserts = if cfg!(miri) { 200 } else { 5_000 };
        for round in 0..4 {
            let mut reference = BTreeSet::new();
            for _ in 0..inserts {
                let id = random.below(1 + inserts * 3 / 5 * (round + 1)) as u32;
                assert_eq!(set.insert(id), reference.insert(id), "{id}");
            }
            assert!(set.bytes() > 0);
            set.clear();
        }
    }

    #[test]
    fn sets_hold_what_was_put_in_since_they_were_cleared() {
        agrees::<HashedNodes>();
        agrees::<DenseNodes>();
    }
}
