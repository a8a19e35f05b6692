//! What edges lead to, followed from where searches begin while others make and replace some.

use super::{Check, is_live, is_node};
use crate::error::Result;
use crate::layout::{Kind, Pointer, State};
use crate::store::PageStore;

/// Looks at what leads to the nodes that nothing seemed to lead to.
const LOOKS: usize = 3;

impl<S: PageStore> Check<'_, S> {
    /// Follows all edges from where searches begin, then those of the nodes not met on the way.
    pub(super) fn graph(&mut self) -> Result<()> {
        let begin = self.begin();
        self.follow(begin)?;
        let mut lost = self.unreached(is_live);
        for _ in 1..LOOKS {
            if lost.is_empty() {
                break;
            }
            self.look_again()?;
            let slots = &self.slots;
            lost.retain(|at| {
                let slot = slots[at.id as usize];
                slot.version == at.version && is_live(slot.state) && !slot.reached
            });
        }
        self.report.unreachable = lost.len();
        for at in &lost {
            self.slots[at.id as usize].reached = true;
        }
        self.follow(lost.iter().map(|at| at.id).collect())
    }

    /// Takes the nodes where searches begin that were not met yet.
    fn begin(&mut self) -> Vec<u32> {
        let mut starts = std::mem::take(&mut self.starts);
        starts.retain(|&at| self.reach(at, is_node));
        starts.iter().map(|at| at.id).collect()
    }

    /// Reads all pages again, and follows all edges that there are now from where searches begin now, and from the nodes
    /// that were met before: edges are made and replaced while others are read.
    fn look_again(&mut self) -> Result<()> {
        let index = self.index;
        let meta = *index.store.read(0)?.meta()?;
        self.epoch = meta.epoch;
        self.starts.push(meta.entry);
        for block in 1..index.store.blocks()? {
            index.store.interrupt()?;
            let page = index.store.read(block)?;
            match page.kind(block) {
                Ok(Kind::Nodes) => {
                    for number in 0..index.shape.slots {
                        let slot = page.slot(&index.shape, number);
                        self.note(block, number, &slot)?;
                    }
                }
                Ok(Kind::Leaf) => {
                    self.entries(&page);
                }
                // What is no such page has been told of.
                _ => {}
            }
        }
        self.begin();
        let slots = self.slots.iter().enumerate();
        let met = slots
            .filter(|(_, slot)| is_node(slot.state) && slot.reached)
            .map(|(id, _)| id as u32)
            .collect();
        self.follow(met)
    }

    /// Follows all edges of some nodes, of those they lead to, and so on. Each step reads its pages in order.
    fn follow(&mut self, mut nodes: Vec<u32>) -> Result<()> {
        let index = self.index;
        let block = |id: u32| index.shape.place(id).0;
        while !nodes.is_empty() {
            nodes.sort_unstable();
            let mut next = Vec::new();
            for ids in nodes.chunk_by(|&a, &b| block(a) == block(b)) {
                index.store.interrupt()?;
                let mut suspects = Vec::new();
                let page = index.store.read(block(ids[0]))?;
                // A vacuum may have freed them all, and the page been put to another use.
                for &id in ids.iter().filter(|_| page.has_slots()) {
                    let slot = page.slot(&index.shape, index.shape.place(id).1);
                    if !is_node(slot.state()) {
                        continue;
                    }
                    for edge in slot.edges() {
                        if self.reach(edge, is_node) {
                            next.push(edge.id);
                        } else if slot.state() == State::Live && self.find(edge, is_node).is_none()
                        {
                            // A vacuum that was cut short may have freed some of the nodes that dying ones lead to.
                            suspects.push((Pointer::new(id, slot.header().version), edge));
                        }
                    }
                }
                drop(page);
                for (node, edge) in suspects {
                    if self.leads_nowhere(node, edge)? {
                        let id = node.id;
                        self.problem(|| format!("node {id}: edge to {edge:?}, which is gone"));
                    }
                }
            }
            nodes = next;
        }
        Ok(())
    }

    /// Whether a live node has an edge to one that was gone before.
    fn leads_nowhere(&self, node: Pointer, edge: Pointer) -> Result<bool> {
        Ok(!self.look(edge, |slot| is_node(slot.state()))?
            && self.look(node, |slot| {
                slot.state() == State::Live && slot.edges().any(|other| other == edge)
            })?)
    }
}
