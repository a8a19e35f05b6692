//! Groups that grow as pairs join them, none wider than a diameter.

use std::collections::HashSet;

use crate::{BETWEEN_INTERRUPTS, Neighbours};

/// Every vector is in one cluster, at first in one of its own.
pub struct Clusters<'a> {
    vectors: &'a Neighbours,
    diameter: f64,
    /// By how much a computed cosine distance may differ from the true one.
    error: f64,
    /// The cluster that a vector is in.
    of: Vec<u32>,
    clusters: Vec<Cluster>,
}

struct Cluster {
    members: Vec<u32>,
    /// A member that no other is farther from than `radius`, an angle.
    center: u32,
    radius: f64,
    /// Clusters that it cannot be joined with. What is too wide stays so as it grows.
    apart: HashSet<u32>,
}

impl<'a> Clusters<'a> {
    pub fn new(vectors: &'a Neighbours, diameter: f64) -> Self {
        let numbers = || (0..).take(vectors.len());
        Self {
            vectors,
            diameter,
            // Three sums, each as exact as `kernels` says.
            error: 3.0 * (vectors.dims + 4) as f64 * 2.0_f64.powi(-24),
            of: numbers().collect(),
            clusters: numbers()
                .map(|number| Cluster {
                    members: vec![number],
                    center: number,
                    radius: 0.0,
                    apart: HashSet::new(),
                })
                .collect(),
        }
    }

    /// The members of all clusters.
    pub fn into_members(self) -> impl Iterator<Item = Vec<u32>> {
        let members = self.clusters.into_iter().map(|cluster| cluster.members);
        members.filter(|members| !members.is_empty())
    }

    /// Joins the clusters of two vectors if the result is within the diameter.
    pub fn join(&mut self, a: u32, b: u32, interrupt: &mut dyn FnMut()) {
        let (mut large, mut small) = (self.of[a as usize], self.of[b as usize]);
        if large == small || self.cluster(large).apart.contains(&small) {
            return;
        }
        // Every vector is moved a logarithmic number of times.
        if self.cluster(large).members.len() < self.cluster(small).members.len() {
            std::mem::swap(&mut large, &mut small);
        }
        if self.fit(large, small, interrupt) {
            self.merge(large, small);
        } else {
            self.clusters[large as usize].apart.insert(small);
            self.clusters[small as usize].apart.insert(large);
        }
    }

    fn cluster(&self, number: u32) -> &Cluster {
        &self.clusters[number as usize]
    }

    /// The angle between two vectors, or more.
    fn angle(&self, a: u32, b: u32) -> f64 {
        let distance = self.vectors.distance(a, b) + self.error;
        (1.0 - distance).clamp(-1.0, 1.0).acos()
    }

    /// Whether all members of two clusters are within the diameter of each other.
    fn fit(&self, large: u32, small: u32, interrupt: &mut dyn FnMut()) -> bool {
        let (large, small) = (self.cluster(large), self.cluster(small));
        // Angles obey the triangle inequality: most clusters that fit show it by their centers.
        let angle = self.angle(large.center, small.center) + large.radius + small.radius;
        let at_most = 1.0 - angle.min(std::f64::consts::PI).cos() + self.error;
        if at_most <= self.diameter {
            return true;
        }
        // Most that do not show it by the members that are farthest from the other's center.
        let farthest_first = |members: &[u32], center: u32| {
            let distances = members
                .iter()
                .map(|&m| (self.vectors.distance(m, center), m));
            let mut sorted: Vec<(f64, u32)> = distances.collect();
            sorted.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
            sorted
        };
        let of_large = farthest_first(&large.members, small.center);
        let of_small = farthest_first(&small.members, large.center);
        let mut compared = 0;
        for (_, a) in &of_small {
            compared += of_large.len();
            if compared >= BETWEEN_INTERRUPTS {
                compared = 0;
                interrupt();
            }
            let mut distances = of_large.iter().map(|&(_, b)| self.vectors.distance(*a, b));
            if distances.any(|distance| distance > self.diameter) {
                return false;
            }
        }
        true
    }

    fn merge(&mut self, large: u32, small: u32) {
        let empty = Cluster {
            members: Vec::new(),
            center: 0,
            radius: 0.0,
            apart: HashSet::new(),
        };
        let joined = std::mem::replace(&mut self.clusters[small as usize], empty);
        let center = self.cluster(large).center;
        let angles = joined.members.iter().map(|&m| self.angle(m, center));
        let radius = angles.fold(self.cluster(large).radius, f64::max);
        for &member in &joined.members {
            self.of[member as usize] = large;
        }
        for &other in &joined.apart {
            let apart = &mut self.clusters[other as usize].apart;
            apart.remove(&small);
            apart.insert(large);
        }
        let cluster = &mut self.clusters[large as usize];
        cluster.radius = radius;
        cluster.members.extend(joined.members);
        cluster.apart.extend(joined.apart);
    }
}
