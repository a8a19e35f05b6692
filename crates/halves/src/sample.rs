//! What a few vectors tell of all: how many distinct ones there are.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use half::f16;

use crate::numbers::canonical;

/// Up to `count` of the items, evenly spread over them.
pub fn spread<T>(items: &[T], count: usize) -> impl Iterator<Item = &T> {
    let count = count.min(items.len());
    (0..count).map(move |number| &items[number * items.len() / count])
}

/// How often the vectors of a sample occur in it.
#[derive(Default)]
pub struct Occurrences {
    /// By the vectors' hashes.
    seen: HashMap<u64, usize>,
    unseen: usize,
}

impl Occurrences {
    /// Counts a vector.
    pub fn add(&mut self, vector: &[f16]) {
        let mut hasher = DefaultHasher::new();
        canonical(vector).for_each(|half| half.to_bits().hash(&mut hasher));
        *self.seen.entry(hasher.finish()).or_default() += 1;
    }

    /// Counts a vector that is not looked at, and taken to differ from all others.
    pub fn add_unseen(&mut self) {
        self.unseen += 1;
    }

    /// The number of distinct vectors in a table of `total` rows of which `rows` were sampled, those without a vector
    /// included; as a negative multiple of the number of rows where it grows with them, and 0 where there is nothing to
    /// tell from.
    ///
    /// The estimator is PostgreSQL's own (commands/analyze.c): Haas and Stokes, Estimating the number of classes in a
    /// finite population, 1998.
    pub fn distinct(&self, rows: f64, total: f64) -> f64 {
        let values = (self.unseen + self.seen.values().sum::<usize>()) as f64;
        let repeated = self.seen.values().filter(|&&count| count > 1).count();
        let once = (self.seen.len() - repeated + self.unseen) as f64;
        let distinct = once + repeated as f64;
        let fraction = values / rows;
        if values == 0.0 {
            return 0.0;
        }
        if repeated == 0 {
            return -fraction;
        }
        let all = total * fraction;
        let estimate = values * distinct / (values - once + once * values / all);
        let estimate = estimate.clamp(distinct, all.max(distinct)).round();
        if estimate > 0.1 * total {
            -estimate / total
        } else {
            estimate
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn occurrences(numbers: impl IntoIterator<Item = u16>) -> Occurrences {
        let mut occurrences = Occurrences::default();
        for number in numbers {
            occurrences.add(&[f16::from_bits(number)]);
        }
        occurrences
    }

    #[test]
    fn items_are_spread() {
        let items = [0, 1, 2, 3, 4, 5];
        assert!(spread(&items, 3).eq(&[0, 2, 4]));
        assert!(spread(&items, 10).eq(&items));
        assert_eq!(spread(&items, 0).count(), 0);
    }

    #[test]
    fn vectors_that_all_differ_are_as_many_as_rows() {
        assert_eq!(occurrences(0..100).distinct(100.0, 1e6), -1.0);
        // Half of the rows have none.
        assert_eq!(occurrences(0..100).distinct(200.0, 1e6), -0.5);
    }

    #[test]
    fn a_few_vectors_stay_a_few() {
        let few = (0..1000).map(|number| number % 10);
        assert_eq!(occurrences(few).distinct(1000.0, 1e6), 10.0);
    }

    #[test]
    fn nothing_tells_nothing() {
        assert_eq!(Occurrences::default().distinct(10.0, 10.0), 0.0);
    }

    #[test]
    fn what_is_not_looked_at_differs() {
        let mut unseen = Occurrences::default();
        (0..10).for_each(|_| unseen.add_unseen());
        assert_eq!(unseen.distinct(10.0, 1000.0), -1.0);
    }

    #[test]
    fn zeros_are_one_vector() {
        assert_eq!(occurrences([0, 0x8000]).distinct(2.0, 2.0), -0.5);
    }

    proptest! {
        #[test]
        fn no_more_than_there_are(numbers in prop::collection::vec(0..50_u16, 1..200), more in 1..1000_u32) {
            let rows = numbers.len() as f64;
            let total = rows * f64::from(more);
            let mut different = numbers.clone();
            different.sort_unstable();
            different.dedup();
            let distinct = occurrences(numbers).distinct(rows, total);
            let distinct = if distinct < 0.0 { -distinct * total } else { distinct };
            prop_assert!((different.len() as f64 - 0.01..=total + 0.01).contains(&distinct));
        }
    }
}
