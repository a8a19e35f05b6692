//! Chains of overflow slots, walked from their nodes while others change them.

use std::collections::{BTreeSet, HashSet};

use super::{Check, is_node, is_overflow};
use crate::error::Result;
use crate::layout::Pointer;
use crate::store::PageStore;
use crate::tids::{self, Chunk};

/// Times that a chain of overflow slots is followed from its node while others change it.
const PATIENCE: usize = 16;

/// Where a chain goes on, and whether the slot that says so is of it for sure.
#[derive(PartialEq)]
struct Link {
    next: Pointer,
    open: bool,
}

impl<S: PageStore> Check<'_, S> {
    /// Walks the chains of overflow slots.
    pub(super) fn chains(&mut self) -> Result<()> {
        for node in std::mem::take(&mut self.owners) {
            if !self.chain(node)? {
                let id = node.id;
                self.problem(|| format!("node {id}: broken chain of overflow slots"));
            }
        }
        // Others may have been linked since their nodes were looked at.
        let mut left = Vec::new();
        let mut owners = BTreeSet::new();
        for at in self.unreached(is_overflow) {
            let mut owner = Pointer::NONE;
            if self.look(at, |slot| {
                owner = slot.owner();
                is_overflow(slot.state())
            })? {
                left.push(at);
                owners.insert((owner.id, owner.version));
            }
        }
        for (id, version) in owners {
            self.chain(Pointer::new(id, version))?;
        }
        left.retain(|&at| !self.is_reached(at));
        self.report.orphans = left.len();
        Ok(())
    }

    /// Walks the chain of a node; returns whether it is whole, as far as that can be told of one that changes all the time.
    fn chain(&mut self, node: Pointer) -> Result<bool> {
        'again: for _ in 0..PATIENCE {
            let mut met = HashSet::new();
            let mut before = node;
            while let Some(Link { next, .. }) = self.link(before, node)?
                && next.is_some()
            {
                if !met.insert(next) {
                    return Ok(false);
                }
                if self.chunk(next, node)?.is_none() {
                    // Slots are taken out of the chain before they are freed. One that is closed may be out already, and
                    // leads where it always did.
                    let still = Some(Link { next, open: true });
                    if self.link(before, node)? == still {
                        return Ok(false);
                    }
                    continue 'again;
                }
                self.reach(next, is_overflow);
                before = next;
            }
            break;
        }
        Ok(true)
    }

    /// Where the chain of a node goes on after the slot `at`; `None` where that is not of it any more.
    fn link(&self, at: Pointer, node: Pointer) -> Result<Option<Link>> {
        if at != node {
            let chunk = self.chunk(at, node)?;
            return Ok(chunk.map(|Chunk { next, closed, .. }| Link {
                next,
                open: !closed,
            }));
        }
        let mut link = None;
        self.look(node, |slot| {
            link = is_node(slot.state()).then(|| Link {
                next: slot.overflow(),
                open: true,
            });
            true
        })?;
        Ok(link)
    }

    fn chunk(&self, at: Pointer, node: Pointer) -> Result<Option<Chunk>> {
        if self.index.shape.place(at.id).0 >= self.index.store.blocks()? {
            return Ok(None);
        }
        tids::chunk(self.index, at, node)
    }
}
