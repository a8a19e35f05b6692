//! Groups of near-duplicate vectors: connected components of the graph of near pairs, cut where they would chain.
//!
//! In a component, `a` may be near `b` and `b` near `c` without `a` being near `c`; along such a chain a collection of
//! pictures becomes one group. So no two members of a group are farther apart than a diameter. Pairs are taken in the
//! order of their distance, as Kruskal's algorithm does for single linkage (Gower and Ross, Minimum spanning trees and
//! single linkage cluster analysis, 1969), and a pair joins its two groups only if all of their members are within the
//! diameter of each other, which is the criterion of complete linkage. A component within the diameter is a group as it
//! stands; of another one, what is nearest together stays together.
//!
//! Distances are cosine distances. The result depends on the vectors and on how many rows have them, not on the order in
//! which they or their pairs are given.

mod cluster;
mod error;

use std::cmp::Ordering;

use half::f16;

use cluster::Clusters;
pub use error::{Error, Result};

/// Pairs after which a caller is asked whether to go on.
const BETWEEN_INTERRUPTS: usize = 1024;

/// Different vectors, and which of them are near.
///
/// Takes two bytes an element of a vector, and twelve a pair.
#[derive(Debug, Default)]
pub struct Neighbours {
    dims: usize,
    halves: Vec<f16>,
    /// How many rows have each vector.
    rows: Vec<u64>,
    pairs: Vec<Pair>,
}

/// Two vectors, the lower number first.
#[derive(Clone, Copy, Debug)]
struct Pair {
    distance: f32,
    a: u32,
    b: u32,
}

/// A vector in a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Its number, as [`Neighbours::add`] returned it.
    pub vector: u32,
    /// Its cosine distance from the group's middle, which is the member with the least sum of distances from all rows.
    pub distance: f64,
}

impl Neighbours {
    /// Adds a vector that `rows` rows have, and returns its number, counted from 0.
    ///
    /// # Errors
    /// Another dimension than the first one's; no direction; more vectors than a `u32` numbers.
    pub fn add(&mut self, vector: &[f16], rows: u64) -> Result<u32> {
        if self.rows.is_empty() {
            self.dims = vector.len();
        }
        if vector.len() != self.dims {
            return Err(Error::Dimensions {
                expected: self.dims,
                found: vector.len(),
            });
        }
        if kernels::cosine_distance(vector, vector).is_nan() {
            return Err(Error::NoDirection);
        }
        let number = u32::try_from(self.rows.len()).map_err(|_| Error::Full)?;
        self.halves.extend_from_slice(vector);
        self.rows.push(rows);
        Ok(number)
    }

    /// Says that two vectors are near. A pair may be given twice, and either way round.
    ///
    /// # Panics
    /// Where a number is not one of [`add`](Self::add).
    pub fn pair(&mut self, a: u32, b: u32) {
        if a != b {
            self.pairs.push(Pair {
                distance: self.distance(a, b) as f32,
                a: a.min(b),
                b: a.max(b),
            });
        }
    }

    /// The groups of two rows and more. First is the one with the most rows; in a group, the member in its middle.
    ///
    /// Takes `O(p log p)` for `p` pairs, and up to the square of a group's size in distances where it is nearly as wide
    /// as the diameter. `interrupt` is called now and then, and may unwind.
    pub fn groups(mut self, diameter: f64, interrupt: &mut dyn FnMut()) -> Vec<Vec<Member>> {
        let ranks = self.ranks();
        let rank = |number: u32| ranks[number as usize];
        let mut pairs = std::mem::take(&mut self.pairs);
        let key = |pair: &Pair| {
            let (a, b) = (rank(pair.a), rank(pair.b));
            (a.min(b), a.max(b))
        };
        pairs.sort_unstable_by(|one, other| {
            let distances = one.distance.total_cmp(&other.distance);
            distances.then_with(|| key(one).cmp(&key(other)))
        });
        let mut clusters = Clusters::new(&self, diameter);
        for (n, pair) in pairs.iter().enumerate() {
            if n % BETWEEN_INTERRUPTS == 0 {
                interrupt();
            }
            clusters.join(pair.a, pair.b, interrupt);
        }
        let mut groups = Vec::new();
        for mut members in clusters.into_members() {
            interrupt();
            members.sort_unstable_by_key(|&member| rank(member));
            let rows: u64 = members
                .iter()
                .map(|&member| self.rows[member as usize])
                .sum();
            if rows > 1 {
                groups.push((rows, self.around_middle(&members)));
            }
        }
        groups.sort_by(|(rows, group), (other_rows, other)| {
            let first = |group: &[Member]| group.first().map(|member| rank(member.vector));
            other_rows
                .cmp(rows)
                .then_with(|| first(group).cmp(&first(other)))
        });
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// The number of vectors.
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn vector(&self, number: u32) -> &[f16] {
        let start = number as usize * self.dims;
        &self.halves[start..start + self.dims]
    }

    fn distance(&self, a: u32, b: u32) -> f64 {
        kernels::cosine_distance(self.vector(a), self.vector(b))
    }

    /// Where each vector stands in an order of their elements: what decides between equal distances.
    fn ranks(&self) -> Vec<u32> {
        let bits = |number: u32| self.vector(number).iter().map(|half| half.to_bits());
        let mut order: Vec<u32> = (0..).take(self.len()).collect();
        order.sort_unstable_by(|&a, &b| bits(a).cmp(bits(b)));
        let mut ranks = vec![0; order.len()];
        for (rank, &number) in (0..).zip(&order) {
            ranks[number as usize] = rank;
        }
        ranks
    }

    /// Members with their distances from the middle, in the order of these.
    ///
    /// The sum of the cosine distances of `m` from `n` rows is `n` less the inner product of `m` with the sum of the rows,
    /// all of unit length: one pass finds the sum, another one the least.
    fn around_middle(&self, members: &[u32]) -> Vec<Member> {
        let unit = |number: u32| {
            let elements = || self.vector(number).iter().map(|half| half.to_f64());
            let norm = elements()
                .map(|element| element * element)
                .sum::<f64>()
                .sqrt();
            elements().map(move |element| element / norm)
        };
        let mut sum = vec![0.0; self.dims];
        for &member in members {
            let rows = self.rows[member as usize] as f64;
            for (sum, element) in sum.iter_mut().zip(unit(member)) {
                *sum += rows * element;
            }
        }
        let nearness = |member: u32| -> f64 { unit(member).zip(&sum).map(|(a, b)| a * b).sum() };
        let nearer = |a: &(f64, u32), b: &(f64, u32)| match b.0 > a.0 {
            true => *b,
            false => *a,
        };
        let all = members.iter().map(|&member| (nearness(member), member));
        let Some((_, middle)) = all.reduce(|a, b| nearer(&a, &b)) else {
            return Vec::new();
        };
        let mut group: Vec<Member> = members
            .iter()
            .map(|&vector| Member {
                vector,
                distance: self.distance(middle, vector),
            })
            .collect();
        // The sort is stable; a scaled copy of the middle, at the same distance, comes after it.
        group.sort_by(|a, b| match (a.vector == middle, b.vector == middle) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            _ => a.distance.total_cmp(&b.distance),
        });
        group
    }
}
