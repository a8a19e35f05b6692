//! Which nodes a search can reach, found out from the pages in a few bits for each.
//!
//! What is reached and has not been looked at is a set of slots; the pages that have some of them are read in order,
//! and again until nothing is left. Nearly everything is near to where searches begin, so most pages are read once or
//! twice.

use crate::error::Result;
use crate::index::Index;
use crate::layout::{Kind, Pointer, State};
use crate::store::PageStore;

/// A set of slots.
#[derive(Default)]
pub(crate) struct Slots(Vec<u64>);

impl Slots {
    pub(crate) fn insert(&mut self, id: u32) {
        let word = id as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (id % 64);
    }

    pub(crate) fn contains(&self, id: u32) -> bool {
        self.word(id as usize / 64) >> (id % 64) & 1 == 1
    }

    fn word(&self, at: usize) -> u64 {
        self.0.get(at).copied().unwrap_or(0)
    }

    /// The first slot from `from` on that is in this set and not in `without`.
    fn next_without(&self, without: &Self, from: u32) -> Option<u32> {
        let first = from as usize / 64;
        (first..self.0.len()).find_map(|at| {
            let skipped = if at == first { !0 << (from % 64) } else { !0 };
            let word = self.0[at] & !without.word(at) & skipped;
            (word != 0).then(|| at as u32 * 64 + word.trailing_zeros())
        })
    }
}

/// The live nodes of an index, and those of them that a search can reach.
#[derive(Default)]
pub(crate) struct Reach {
    live: Slots,
    reached: Slots,
    /// Those of the reached whose edges were followed.
    followed: Slots,
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
                            reach.live.insert(shape.id(block, number)?);
                        }
                    }
                }
                Kind::Leaf if page.epoch() == index.meta.epoch => {
                    starts.extend_from_slice(page.entries(&shape).0);
                }
                Kind::New | Kind::Meta | Kind::Basis | Kind::Root | Kind::Leaf => {}
            }
        }
        starts.sort_unstable_by_key(|at| at.id);
        for at in starts {
            // An entry may be older than the node that is there now, and lead nowhere.
            if reach.live.contains(at.id) && is_live(index, at)? {
                reach.reached.insert(at.id);
            }
        }
        reach.spread(index)?;
        Ok(reach)
    }

    /// Follows the edges of every node that was reached meanwhile.
    fn spread<S: PageStore>(&mut self, index: &Index<S>) -> Result<()> {
        let mut from = 0;
        loop {
            match self.reached.next_without(&self.followed, from) {
                Some(id) => {
                    self.follow(index, index.shape.place(id).0)?;
                    // It may be on a page without slots.
                    self.followed.insert(id);
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
                if !self.reached.contains(id) || self.followed.contains(id) {
                    continue;
                }
                more = true;
                self.followed.insert(id);
                let slot = page.slot(&shape, number);
                if slot.state() != State::Live {
                    continue;
                }
                // Live nodes have edges to slots of the version there is: before a slot is freed, nothing but nodes
                // without rows leads to it.
                for &to in slot.ids() {
                    // What was added since is nothing to look for.
                    if shape.place(to).0 < self.blocks {
                        self.reached.insert(to);
                    }
                }
            }
        }
        Ok(())
    }

    /// The first live node from `from` on that nothing leads to.
    pub(crate) fn next_lost(&self, from: u32) -> Option<u32> {
        self.live.next_without(&self.reached, from)
    }

    /// Number of pages when it began.
    pub(crate) fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Whether a search can begin anywhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.reached.0.iter().all(|&word| word == 0)
    }

    /// Adds a node that a search can reach now, with all that it leads to.
    pub(crate) fn add<S: PageStore>(&mut self, index: &Index<S>, id: u32) -> Result<()> {
        self.reached.insert(id);
        self.spread(index)
    }
}

/// Whether a node is there and has rows.
fn is_live<S: PageStore>(index: &Index<S>, at: Pointer) -> Result<bool> {
    index.store.interrupt()?;
    let (block, number) = index.shape.place(at.id);
    let page = index.store.read(block)?;
    if !page.has_slots() {
        return Ok(false);
    }
    let slot = page.slot(&index.shape, number);
    Ok(slot.is_node(at.version) && slot.state() == State::Live)
}
