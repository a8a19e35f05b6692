//! Which nodes a search can reach, found out from the pages in a few bits for each.
//!
//! What is reached and has not been looked at is a set of slots; the pages that have some of them are read in order,
//! and again until nothing is left. Nearly everything is near to where searches begin, so most pages are read once or
//! twice.

use fixedbitset::FixedBitSet;

use crate::error::Result;
use crate::index::Index;
use crate::layout::{Kind, State};
use crate::store::PageStore;

/// The first slot from `from` on that is in `set` and not in `without`.
fn next_without(set: &FixedBitSet, without: &FixedBitSet, from: u32) -> Option<u32> {
    const BITS: usize = usize::BITS as usize;
    let (set, without) = (set.as_slice(), without.as_slice());
    let first = from as usize / BITS;
    (first..set.len()).find_map(|at| {
        let skipped = if at == first {
            !0 << (from as usize % BITS)
        } else {
            !0
        };
        let word = set[at] & !without.get(at).copied().unwrap_or(0) & skipped;
        (word != 0).then(|| (at * BITS) as u32 + word.trailing_zeros())
    })
}

/// The live nodes of an index, and those of them that a search can reach.
#[derive(Default)]
pub(crate) struct Reach {
    live: FixedBitSet,
    reached: FixedBitSet,
    /// Those of the reached whose edges were followed.
    followed: FixedBitSet,
    /// Pages when it began.
    blocks: u32,
}

impl Reach {
    /// Finds all live nodes, and follows all edges from where searches begin.
    pub(crate) fn explore<S: PageStore>(index: &Index<S>) -> Result<Self> {
        let shape = index.shape;
        let (mut reach, mut starts) = (Self::default(), vec![index.meta.entry]);
        reach.blocks = index.store.blocks()?;
        for block in 1..reach.blocks {
            index.store.interrupt()?;
            let page = index.store.read(block)?;
            match page.kind(block)? {
                Kind::Nodes => {
                    for number in 0..shape.slots {
                        if page.slot(&shape, number).state() == State::Live {
                            reach
                                .live
                                .grow_and_insert(shape.id(block, number)? as usize);
                        }
                    }
                }
                Kind::Leaf if page.epoch() == index.meta.epoch => {
                    starts.extend_from_slice(page.entries(&shape).0);
                }
                Kind::New
                | Kind::Meta
                | Kind::Basis
                | Kind::Root
                | Kind::Leaf
                | Kind::Directory
                | Kind::Summaries => {}
            }
        }
        starts.sort_unstable_by_key(|at| at.id);
        for at in starts {
            // An entry may be older than the node that is there now, and lead nowhere.
            if reach.live.contains(at.id as usize) && index.with_live(at, |_| ())?.is_some() {
                reach.reached.grow_and_insert(at.id as usize);
            }
        }
        reach.spread(index)?;
        Ok(reach)
    }

    /// Follows the edges of every node that was reached meanwhile.
    fn spread<S: PageStore>(&mut self, index: &Index<S>) -> Result<()> {
        let mut from = 0;
        loop {
            match next_without(&self.reached, &self.followed, from) {
                Some(id) => {
                    self.follow(index, index.shape.place(id).0)?;
                    // It may be on a page without slots.
                    self.followed.grow_and_insert(id as usize);
                    from = id;
                }
                None if from > 0 => from = 0,
                None => return Ok(()),
            }
        }
    }

    /// Follows the edges of the nodes of a page that were reached.
    fn follow<S: PageStore>(&mut self, index: &Index<S>, block: u32) -> Result<()> {
        index.store.interrupt()?;
        let shape = index.shape;
        let page = index.store.read(block)?;
        let mut more = page.has_slots();
        while more {
            more = false;
            for number in 0..shape.slots {
                let id = shape.id(block, number)?;
                if !self.reached.contains(id as usize) || self.followed.contains(id as usize) {
                    continue;
                }
                more = true;
                self.followed.grow_and_insert(id as usize);
                let slot = page.slot(&shape, number);
                if slot.state() != State::Live {
                    continue;
                }
                // Live nodes have edges to slots of the version there is: before a slot is freed, nothing but nodes
                // without rows leads to it.
                for &to in slot.ids() {
                    // What was added since is nothing to look for.
                    if shape.place(to).0 < self.blocks {
                        self.reached.grow_and_insert(to as usize);
                    }
                }
            }
        }
        Ok(())
    }

    /// The first live node from `from` on that nothing leads to.
    pub(crate) fn next_lost(&self, from: u32) -> Option<u32> {
        next_without(&self.live, &self.reached, from)
    }

    /// Number of pages when it began.
    pub(crate) fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Whether a search can begin anywhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.reached.is_clear()
    }

    /// Adds a node that a search can reach now, with all that it leads to.
    pub(crate) fn add<S: PageStore>(&mut self, index: &Index<S>, id: u32) -> Result<()> {
        self.reached.grow_and_insert(id as usize);
        self.spread(index)
    }
}
