//! The choice of a node's neighbours.
//!
//! The heuristic of Malkov and Yashunin (Efficient and robust approximate nearest neighbor search
//! using Hierarchical Navigable Small World graphs, 2018, algorithm 4): a candidate is kept if it is
//! nearer to the node than to any candidate kept before. Room that is left is filled with the nearest
//! of the others, since an edge that lies on a page anyway costs nothing to follow.

/// Chosen neighbours.
pub struct Selected {
    /// Their positions among the candidates.
    pub positions: Vec<usize>,
    /// How many the heuristic has kept, which come first; the others fill the room that was left.
    pub diverse: usize,
}

/// Chooses up to `capacity` of the candidates, which `to_node` lists nearest first.
///
/// `between` gives the distance of two candidates, of the same kind as `to_node`: never compare an
/// exact distance with an estimate.
pub fn select(
    to_node: &[f64],
    capacity: usize,
    mut between: impl FnMut(usize, usize) -> f64,
) -> Selected {
    let mut kept: Vec<usize> = Vec::with_capacity(capacity);
    let mut others = Vec::new();
    for (i, &distance) in to_node.iter().enumerate() {
        if kept.len() == capacity {
            break;
        }
        if kept.iter().all(|&j| between(i, j) >= distance) {
            kept.push(i);
        } else {
            others.push(i);
        }
    }
    let diverse = kept.len();
    others.truncate(capacity - diverse);
    kept.extend(others);
    Selected {
        positions: kept,
        diverse,
    }
}

/// Which one of the candidates a full list can best do without: the farthest of those that the heuristic
/// rejects, or else the farthest, and rather one that it can `spare`. It is never `keep`.
pub fn least(
    to_node: &[f64],
    keep: Option<usize>,
    mut spare: impl FnMut(usize) -> bool,
    mut between: impl FnMut(usize, usize) -> f64,
) -> Option<usize> {
    let mut order: Vec<usize> = (0..to_node.len()).collect();
    order.sort_by(|&i, &j| to_node[i].total_cmp(&to_node[j]));
    let (mut kept, mut rejected) = (Vec::with_capacity(order.len()), Vec::new());
    for &i in &order {
        if kept.iter().all(|&j| between(i, j) >= to_node[i]) {
            kept.push(i);
        } else {
            rejected.push(i);
        }
    }
    let farthest_first = rejected.into_iter().rev().chain(kept.into_iter().rev());
    let farthest_first: Vec<usize> = farthest_first.filter(|&i| Some(i) != keep).collect();
    let spared = farthest_first.iter().copied().find(|&i| spare(i));
    spared.or(farthest_first.first().copied())
}
