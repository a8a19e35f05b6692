//! Nodes of a graph in memory that no search would reach, linked to.

use crate::arena::Arena;
use crate::error::{Result, filled};
use crate::search::Search;
use crate::store::PageStore;

/// Candidates for a node that nothing leads to.
const CANDIDATES: usize = 64;
/// Nodes between checks for interrupts.
const MANY: usize = 1 << 14;

/// Links every node that the entries do not lead to from a near one, in place of an edge that nothing
/// hangs on.
///
/// There always is one: the edges that were the first found to lead to their nodes make trees, and the
/// leaves of a tree have none of them.
pub(crate) fn rescue<S: PageStore>(store: S, arena: &Arena, entries: &[u32]) -> Result<()> {
    const NOBODY: u32 = u32::MAX;
    let nodes = arena.nodes();
    let mut parents = filled(nodes, || NOBODY)?;
    let mut waiting: Vec<u32> = entries.to_vec();
    for &entry in entries {
        parents[entry as usize] = entry;
    }
    let spread = |parents: &mut Vec<u32>, waiting: &mut Vec<u32>| -> Result<()> {
        let mut done = 0;
        while let Some(node) = waiting.pop() {
            done += 1;
            if done % MANY == 0 {
                store.interrupt()?;
            }
            for edge in arena.edges(node as usize) {
                if parents[edge as usize] == NOBODY {
                    parents[edge as usize] = node;
                    waiting.push(edge);
                }
            }
        }
        Ok(())
    };
    spread(&mut parents, &mut waiting)?;
    let mut search = Search::default();
    // Where among its edges a node can take another.
    let place = |parents: &[u32], from: u32| {
        let edges: Vec<u32> = arena.edges(from as usize).collect();
        if edges.len() < arena.shape.degree {
            Some(edges.len())
        } else {
            edges
                .iter()
                .rposition(|&edge| parents[edge as usize] != from)
        }
    };
    for node in 0..nodes {
        if parents[node] != NOBODY {
            continue;
        }
        store.interrupt()?;
        let near: Vec<u32> = arena
            .search(&mut search, node, nodes, CANDIDATES)?
            .into_iter()
            .map(|(_, near)| near)
            .chain([entries[0]])
            .filter(|&near| parents[near as usize] != NOBODY)
            .collect();
        // From a node without a place every edge leads down its tree.
        let below = std::iter::successors(Some(near[0]), |&from| arena.edges(from as usize).next());
        let found = near
            .iter()
            .copied()
            .chain(below)
            .find_map(|from| Some((from, place(&parents, from)?)));
        if let Some((from, at)) = found {
            let mut edges: Vec<u32> = arena.edges(from as usize).collect();
            match edges.get_mut(at) {
                Some(edge) => *edge = node as u32,
                None => edges.push(node as u32),
            }
            arena.set(from as usize, &edges);
            parents[node] = from;
            waiting.push(node as u32);
            spread(&mut parents, &mut waiting)?;
        }
    }
    Ok(())
}
