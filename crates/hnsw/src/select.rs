//! The choice of a node's neighbours.
//!
//! The heuristic of Malkov and Yashunin (Efficient and robust approximate nearest neighbor search
//! using Hierarchical Navigable Small World graphs, 2018, algorithm 4): a candidate is kept if it is
//! nearer to the node than to any candidate kept before. Room that is left is filled with the nearest
//! of the others, since an edge that lies on a page anyway costs nothing to follow.

/// Chooses up to `room` of the candidates, which `to_node` lists nearest first, and returns their
/// positions in that order.
///
/// `between` gives the distance of two candidates, of the same kind as `to_node`: never compare an
/// exact distance with an estimate.
pub fn select(
    to_node: &[f64],
    room: usize,
    mut between: impl FnMut(usize, usize) -> f64,
) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::with_capacity(room);
    let mut others = Vec::new();
    for (i, &distance) in to_node.iter().enumerate() {
        if kept.len() == room {
            break;
        }
        if kept.iter().all(|&j| between(i, j) >= distance) {
            kept.push(i);
        } else {
            others.push(i);
        }
    }
    others.truncate(room - kept.len());
    kept.extend(others);
    kept.sort_unstable();
    kept
}

/// Which one of the candidates a full list can best do without: the farthest of those that the
/// heuristic rejects, or else the farthest.
///
/// `keep` is never the answer.
pub fn least(
    to_node: &[f64],
    keep: Option<usize>,
    mut between: impl FnMut(usize, usize) -> f64,
) -> Option<usize> {
    let mut order: Vec<usize> = (0..to_node.len()).collect();
    order.sort_by(|&i, &j| to_node[i].total_cmp(&to_node[j]));
    let mut kept: Vec<usize> = Vec::with_capacity(order.len());
    let mut rejected = None;
    for &i in &order {
        if Some(i) == keep || kept.iter().all(|&j| between(i, j) >= to_node[i]) {
            kept.push(i);
        } else {
            rejected = Some(i);
        }
    }
    rejected.or_else(|| order.into_iter().rev().find(|&i| Some(i) != keep))
}
