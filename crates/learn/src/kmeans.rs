//! Clusters of directions: spherical k-means (Dhillon, Modha: Concept decompositions for large sparse text data using
//! clustering, 2001) from the seeds of k-means++ (Arthur, Vassilvitskii: k-means++: the advantages of careful seeding,
//! 2007).

use std::cmp::Ordering;

use fastrand::Rng;

use crate::error::{Error, Result, zeros};
use crate::product::Matrix;
use crate::rows::{BLOCK, Rows};
use crate::{Interrupt, MOST_CLUSTERS};

/// Most rounds; few sets of rows take more than 50.
const ROUNDS: usize = 100;
/// What single precision tells from 0 of 1 less a cosine similarity.
const APART: f32 = 1e-6;

/// The unit vectors in the middle of `k` clusters, that of most rows first: as many as the rows have directions where
/// these are fewer. Equal seeds give equal clusters.
///
/// # Errors
/// `k` is not between 1 and [`MOST_CLUSTERS`], there is no memory, or it was interrupted.
pub fn cluster(
    rows: &Rows<'_>,
    k: i64,
    seed: u64,
    interrupt: Interrupt<'_>,
) -> Result<Vec<Vec<f32>>> {
    let count = check(k)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let order = rows.order(|_| ())?;
    let seeds = seeds(rows, &order, count, &mut Rng::with_seed(seed), interrupt)?;
    let mut clusters = Clusters::new(rows, &seeds)?;
    for _ in 0..ROUNDS {
        let moved = clusters.assign(rows, &order, interrupt)?;
        clusters.fill_empty(rows, &order)?;
        clusters.centre(rows, &order, interrupt)?;
        if !moved {
            break;
        }
    }
    Ok(clusters.into_centres(rows.dims()))
}

/// The number of clusters, where it is one.
///
/// # Errors
/// It is not between 1 and [`MOST_CLUSTERS`].
pub fn check(k: i64) -> Result<usize> {
    let count = usize::try_from(k)
        .ok()
        .filter(|k| (1..=MOST_CLUSTERS).contains(k));
    count.ok_or(Error::Clusters(k))
}

/// Rows to begin with: each the likelier the farther it is from those before.
fn seeds(
    rows: &Rows<'_>,
    order: &[usize],
    count: usize,
    random: &mut Rng,
    interrupt: Interrupt<'_>,
) -> Result<Vec<usize>> {
    let mut seeds = vec![order[random.usize(..order.len())]];
    // Half the squared distance of unit vectors.
    let mut distances: Vec<f32> = zeros(order.len())?;
    distances.fill(f32::INFINITY);
    while seeds.len() < count {
        let last = seeds[seeds.len() - 1];
        let (seed, factor) = (rows.get(last), rows.factor(last));
        for (block, distances) in order.chunks(BLOCK).zip(distances.chunks_mut(BLOCK)) {
            interrupt()?;
            for (&at, distance) in block.iter().zip(distances) {
                let similarity = kernels::dot(seed, rows.get(at)) * factor * rows.factor(at);
                *distance = distance.min(1.0 - similarity);
                if *distance < APART {
                    *distance = 0.0;
                }
            }
        }
        let total: f64 = distances.iter().copied().map(f64::from).sum();
        let mut left = random.f64() * total;
        let chosen = distances.iter().rposition(|&distance| distance > 0.0);
        let Some(mut chosen) = chosen else {
            break;
        };
        for (at, &distance) in distances.iter().enumerate() {
            left -= f64::from(distance);
            if left < 0.0 {
                chosen = at;
                break;
            }
        }
        seeds.push(order[chosen]);
    }
    Ok(seeds)
}

struct Clusters {
    /// Unit vectors, one after the other.
    centres: Vec<f32>,
    members: Vec<usize>,
    /// The cluster of each row, and how similar it is to its centre.
    own: Vec<usize>,
    similarities: Vec<f32>,
    block: Vec<f32>,
    products: Vec<f32>,
}

impl Clusters {
    fn new(rows: &Rows<'_>, seeds: &[usize]) -> Result<Self> {
        let dims = rows.dims();
        let mut centres = zeros(seeds.len() * dims)?;
        rows.widen(seeds, &mut centres);
        for (&seed, centre) in seeds.iter().zip(centres.chunks_exact_mut(dims)) {
            centre.iter_mut().for_each(|x| *x *= rows.factor(seed));
        }
        let mut own = zeros(rows.len())?;
        own.fill(usize::MAX);
        Ok(Self {
            centres,
            members: zeros(seeds.len())?,
            own,
            similarities: zeros(rows.len())?,
            block: rows.room()?,
            products: zeros(seeds.len() * BLOCK.min(rows.len()))?,
        })
    }

    /// Has each row in the cluster with the nearest centre; whether one was in another.
    fn assign(
        &mut self,
        rows: &Rows<'_>,
        order: &[usize],
        interrupt: Interrupt<'_>,
    ) -> Result<bool> {
        let (dims, count) = (rows.dims(), self.members.len());
        self.members.fill(0);
        let mut moved = false;
        for block in order.chunks(BLOCK) {
            interrupt()?;
            let widened = Matrix::new(rows.widen(block, &mut self.block), dims);
            let products = &mut self.products[..block.len() * count];
            widened.times(Matrix::new(&self.centres, dims).transposed(), products);
            for (&at, products) in block.iter().zip(products.chunks_exact(count)) {
                let mut best = (0, f32::NEG_INFINITY);
                for (cluster, &product) in products.iter().enumerate() {
                    if product > best.1 {
                        best = (cluster, product);
                    }
                }
                moved |= self.own[at] != best.0;
                self.own[at] = best.0;
                self.members[best.0] += 1;
                self.similarities[at] = best.1 * rows.factor(at);
            }
        }
        Ok(moved)
    }

    /// Gives a cluster without rows the one that is least like the others of its own cluster.
    fn fill_empty(&mut self, rows: &Rows<'_>, order: &[usize]) -> Result<()> {
        if self.members.iter().all(|&members| members > 0) {
            return Ok(());
        }
        let mut far = zeros(rows.len())?;
        far.copy_from_slice(order);
        far.sort_by(|&a, &b| self.similarities[a].total_cmp(&self.similarities[b]));
        let mut far = far
            .into_iter()
            .filter(|&at| self.similarities[at] < 1.0 - APART);
        for cluster in 0..self.members.len() {
            if self.members[cluster] > 0 {
                continue;
            }
            let Some(at) = far.find(|&at| self.members[self.own[at]] > 1) else {
                break;
            };
            self.members[self.own[at]] -= 1;
            self.members[cluster] = 1;
            self.own[at] = cluster;
        }
        Ok(())
    }

    /// Moves each centre to the mean direction of its rows; it stays where they cancel each other out.
    fn centre(&mut self, rows: &Rows<'_>, order: &[usize], interrupt: Interrupt<'_>) -> Result<()> {
        let dims = rows.dims();
        let mut sums: Vec<f64> = zeros(self.centres.len())?;
        for block in order.chunks(BLOCK) {
            interrupt()?;
            let widened = rows.widen(block, &mut self.block);
            for (&at, row) in block.iter().zip(widened.chunks_exact(dims)) {
                let factor = f64::from(rows.factor(at));
                let sum = &mut sums[self.own[at] * dims..][..dims];
                sum.iter_mut()
                    .zip(row)
                    .for_each(|(sum, &x)| *sum += factor * f64::from(x));
            }
        }
        for (centre, sum) in self
            .centres
            .chunks_exact_mut(dims)
            .zip(sums.chunks_exact(dims))
        {
            let norm = crate::dot(sum, sum).sqrt();
            if norm > f64::from(APART) {
                centre
                    .iter_mut()
                    .zip(sum)
                    .for_each(|(x, sum)| *x = (sum / norm) as f32);
            }
        }
        Ok(())
    }

    /// The centres of clusters with rows, that of most rows first.
    fn into_centres(self, dims: usize) -> Vec<Vec<f32>> {
        let clusters = self.centres.chunks_exact(dims).zip(self.members);
        let mut clusters: Vec<(&[f32], usize)> =
            clusters.filter(|&(_, members)| members > 0).collect();
        // Of equal ones it does not depend on the seeds which comes first.
        clusters.sort_by(|a, b| {
            b.1.cmp(&a.1)
                .then_with(|| b.0.partial_cmp(a.0).unwrap_or(Ordering::Equal))
        });
        clusters
            .into_iter()
            .map(|(centre, _)| centre.to_vec())
            .collect()
    }
}
