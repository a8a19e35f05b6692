//! Every invariant of an index, verified, also while others insert rows and a vacuum removes some.
//!
//! Pages are read one after the other, so what is read of two of them need not hold at one time: what looks wrong between
//! two pages is suspected, and looked at once more. Vacuum breaks everything that leads to a slot before it frees the
//! slot, each by a record of its own, on the primary and in replay alike. So what leads to a slot that was *then* seen to
//! be gone is wrong for sure if it still does *afterwards*. Rows that a slot was seen to have twice, with nothing removed in
//! between, it had all along.
//!
//! What a crash may leave behind is counted, not reported as a problem: nodes that nothing leads to, and overflow slots
//! that no node leads to. There, what others are at work on at the time counts, too, if it is so at every look.

mod chains;
mod edges;
mod rows;

use crate::error::Result;
use crate::index::Index;
use crate::layout::{Kind, Page, Pointer, Slot, State, Tid};
use crate::store::PageStore;
pub use rows::{Nodes, finds};

/// Problems that are spelled out.
const SPELLED_OUT: usize = 100;

/// What is in an index, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Nodes with rows.
    pub live: usize,
    /// Nodes whose rows are gone, which the next vacuum frees.
    pub dying: usize,
    /// Overflow slots.
    pub overflow: usize,
    /// Free slots.
    pub free: usize,
    /// Edges.
    pub edges: usize,
    /// Edges without a code of the epoch in use.
    pub uncoded: usize,
    /// Entries of the entry tree.
    pub entries: usize,
    /// Rows.
    pub rows: usize,
    /// Live nodes that no search can reach.
    pub unreachable: usize,
    /// Overflow slots that no node leads to.
    pub orphans: usize,
    /// What is wrong, the first hundred.
    pub problems: Vec<String>,
}

/// What is known of a slot. An index may have many millions of them.
#[derive(Clone, Copy)]
struct Seen {
    version: u16,
    state: State,
    /// Whether anything leads to it.
    reached: bool,
}

impl Seen {
    const NOTHING: Self = Self {
        version: 0,
        state: State::Free,
        reached: false,
    };
}

/// A row in a slot.
struct Place {
    tid: Tid,
    at: Pointer,
    removals: u16,
}

/// Reads every page of an index, and returns its rows as well, in order: all that were in it from beginning to end, and
/// some that came or went meanwhile.
///
/// # Errors
/// When the store fails. A page that is not what it should be is a problem in the report.
pub fn check<S: PageStore>(index: &Index<S>) -> Result<(Report, Vec<Tid>)> {
    let mut check = Check {
        index,
        report: Report::default(),
        slots: Vec::new(),
        tids: Vec::new(),
        owners: Vec::new(),
        starts: vec![index.meta.entry],
        epoch: index.meta.epoch,
    };
    for block in 0..index.store.blocks()? {
        index.store.interrupt()?;
        check.page(block)?;
    }
    check.rows()?;
    check.chains()?;
    check.graph()?;
    Ok((check.report, check.tids))
}

struct Check<'i, S: PageStore> {
    index: &'i Index<S>,
    report: Report,
    /// By id.
    slots: Vec<Seen>,
    tids: Vec<Tid>,
    /// Nodes with a chain.
    owners: Vec<Pointer>,
    /// Where searches begin.
    starts: Vec<Pointer>,
    /// The epoch of the entry tree.
    epoch: u16,
}

impl<S: PageStore> Check<'_, S> {
    fn problem(&mut self, text: impl FnOnce() -> String) {
        if self.report.problems.len() < SPELLED_OUT {
            self.report.problems.push(text());
        }
    }

    fn page(&mut self, block: u32) -> Result<()> {
        let index = self.index;
        let page = index.store.read(block)?;
        match page.kind(block) {
            Err(error) => self.problem(|| error.to_string()),
            Ok(Kind::Nodes) => {
                for slot in 0..index.shape.slots {
                    self.slot(block, slot, &page)?;
                }
            }
            Ok(Kind::Meta) if block > 0 => {
                self.problem(|| format!("block {block}: a second meta page"))
            }
            Ok(Kind::Leaf) => self.report.entries += self.entries(&page),
            Ok(
                Kind::New
                | Kind::Meta
                | Kind::Basis
                | Kind::Root
                | Kind::Directory
                | Kind::Summaries,
            ) => {}
        }
        Ok(())
    }

    /// Notes where searches begin by a page of the entry tree, and returns the number of its entries.
    fn entries(&mut self, page: &Page) -> usize {
        if page.epoch() != self.epoch {
            return 0;
        }
        let (pointers, _, _) = page.entries(&self.index.shape);
        self.starts.extend_from_slice(pointers);
        pointers.len()
    }

    /// Notes what is in a slot; what led there counts as long as it is the same.
    fn note(&mut self, block: u32, number: usize, slot: &Slot<'_>) -> Result<Pointer> {
        let (version, state) = (slot.header().version, slot.state());
        let at = Pointer::new(self.index.shape.id(block, number)?, version);
        let id = at.id as usize;
        if id >= self.slots.len() {
            self.slots.resize(id + 1, Seen::NOTHING);
        }
        let seen = &mut self.slots[id];
        *seen = Seen {
            version,
            state,
            reached: seen.reached && seen.version == version,
        };
        Ok(at)
    }

    fn slot(&mut self, block: u32, number: usize, page: &Page) -> Result<()> {
        let slot = page.slot(&self.index.shape, number);
        let at = self.note(block, number, &slot)?;
        let state = slot.state();
        let place = || format!("block {block}, slot {number}");
        if !slot.state_is_known() {
            self.problem(|| format!("{}: unknown state", place()));
        }
        self.tids.extend_from_slice(slot.tids());
        match state {
            State::Free => self.report.free += 1,
            State::Overflow | State::Closed => self.report.overflow += 1,
            State::Live => self.report.live += 1,
            State::Dying => self.report.dying += 1,
        }
        if is_node(state) {
            self.node(&place, at, &slot);
        }
        Ok(())
    }

    fn node(&mut self, place: &impl Fn() -> String, at: Pointer, slot: &Slot<'_>) {
        let header = slot.header();
        let norm = slot.rounded().norm_squared();
        let off = (norm - f64::from(header.norm_squared)).abs();
        if off > 1e-4 * norm || !off.is_finite() {
            self.problem(|| format!("{}: norm does not fit the vector", place()));
        }
        if slot.overflow().is_some() {
            self.owners.push(at);
        } else if slot.state() == State::Live && slot.tids().is_empty() {
            self.problem(|| format!("{}: a live node without rows", place()));
        }
        let mut ids = slot.ids().to_vec();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) || ids.contains(&at.id) {
            self.problem(|| format!("{}: an edge twice, or to itself", place()));
        }
        self.report.edges += ids.len();
        let current = header.edge_epoch == self.index.meta.epoch && self.index.meta.epoch != 0;
        let coded = slot.factors().iter().filter(|factors| factors.coded());
        self.report.uncoded += ids.len() - if current { coded.count() } else { 0 };
    }

    /// Sorts the rows, and looks for those that are there twice.
    fn rows(&mut self) -> Result<()> {
        self.tids.sort_unstable();
        self.report.rows = self.tids.len();
        let pairs = self.tids.windows(2).filter(|pair| pair[0] == pair[1]);
        let mut suspects: Vec<Tid> = pairs.map(|pair| pair[0]).collect();
        suspects.dedup();
        if suspects.is_empty() {
            return Ok(());
        }
        let mut places = self.places(&suspects)?;
        places.sort_by_key(|place| place.tid);
        for places in places.chunk_by(|a, b| a.tid == b.tid) {
            for pair in places.windows(2) {
                // The first one was read before the other, and is looked at again after it.
                let [first, other] = pair else {
                    continue;
                };
                if first.at == other.at || self.is_still(first)? {
                    let (block, offset) = (first.tid.block(), first.tid.offset());
                    self.problem(|| format!("row ({block},{offset}) is in the index twice"));
                }
            }
        }
        Ok(())
    }

    /// Where some rows are, in the order of the pages.
    fn places(&self, rows: &[Tid]) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        self.index.each_slot(|at, slot| {
            let here = slot.tids().iter();
            places.extend(
                here.filter(|tid| rows.binary_search(tid).is_ok())
                    .map(|&tid| Place {
                        tid,
                        at,
                        removals: slot.removals(),
                    }),
            );
            Ok(())
        })?;
        Ok(places)
    }

    /// Whether a row has been in its slot all the time since it was found there.
    fn is_still(&self, place: &Place) -> Result<bool> {
        self.look(place.at, |slot| {
            slot.removals() == place.removals && slot.tids().contains(&place.tid)
        })
    }

    /// Asks about the slot that a pointer leads to; no if there is none any more.
    fn look(&self, at: Pointer, ask: impl FnOnce(&Slot<'_>) -> bool) -> Result<bool> {
        let index = self.index;
        if !at.is_some() || index.shape.place(at.id).0 >= index.store.blocks()? {
            return Ok(false);
        }
        let answer = index.with_slot(at.id, |slot| {
            slot.header().version == at.version && ask(slot)
        });
        Ok(answer?.unwrap_or(false))
    }

    /// What is known of the slot that a pointer leads to, if it is still there.
    fn find(&mut self, to: Pointer, kind: fn(State) -> bool) -> Option<&mut Seen> {
        let slot = self.slots.get_mut(to.id as usize)?;
        (slot.version == to.version && kind(slot.state)).then_some(slot)
    }

    /// Whether a pointer is the first to lead to a slot.
    fn reach(&mut self, to: Pointer, kind: fn(State) -> bool) -> bool {
        self.find(to, kind)
            .is_some_and(|slot| !std::mem::replace(&mut slot.reached, true))
    }

    /// The slots of a kind that nothing has been seen to lead to.
    fn unreached(&self, kind: fn(State) -> bool) -> Vec<Pointer> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(_, slot)| kind(slot.state) && !slot.reached)
            .map(|(id, slot)| Pointer::new(id as u32, slot.version))
            .collect()
    }

    fn is_reached(&self, at: Pointer) -> bool {
        let slot = self.slots[at.id as usize];
        slot.version == at.version && slot.reached
    }
}

fn is_node(state: State) -> bool {
    matches!(state, State::Live | State::Dying)
}

fn is_live(state: State) -> bool {
    state == State::Live
}

fn is_overflow(state: State) -> bool {
    matches!(state, State::Overflow | State::Closed)
}
