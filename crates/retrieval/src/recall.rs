//! How many of the nearest vectors a search has found.
//!
//! The two measures of the search engine WISE (docs/Search-Index-Evaluation.md of ox-vgg/wise): of the vectors that are
//! truly nearest, *R0@K* is the share of the first K that are among the first K of the search, and *R1@N,K* the share of
//! the first N that are among them. Both are one number, of N truly nearest in K found; N = K for R0@K.

/// How many of the truly nearest vectors, by their distances, are among those that a search has found. A vector as far
/// as the farthest of them is as good as that.
pub fn found(nearest: &[f64], by_search: &[f64]) -> usize {
    let Some(farthest) = nearest.iter().copied().reduce(f64::max) else {
        return 0;
    };
    let near = by_search.iter().filter(|&&distance| distance <= farthest);
    near.count().min(nearest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_distance() {
        // Truly .1 .2 .3 .4; the search has passed over the second and the fourth.
        let nearest = [0.1, 0.2, 0.3, 0.4];
        let by_search = [0.1, 0.3, 0.5, 0.6];
        assert_eq!(found(&nearest, &by_search), 2);
        assert_eq!(found(&nearest[..1], &by_search), 1);
        assert_eq!(found(&nearest[..2], &by_search), 1);
        assert_eq!(found(&nearest[..3], &by_search), 2);
        assert_eq!(found(&nearest[..3], &by_search[..1]), 1);
    }

    #[test]
    fn a_tie_is_as_good() {
        assert_eq!(found(&[0.1, 0.2], &[0.2, 0.2, 0.2]), 2);
        assert_eq!(found(&[0.2], &[0.2, 0.2]), 1);
    }

    #[test]
    fn nothing_is_in_nothing() {
        assert_eq!(found(&[], &[0.1]), 0);
        assert_eq!(found(&[0.1], &[]), 0);
    }
}
