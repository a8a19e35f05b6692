//! What is near to what.
//!
//! A query looks for the nodes nearest by a [`Metric`]. Nodes are neighbours in a [`Space`], where each
//! is the nearest to itself: by cosine and L2 that is the same, by inner product it is not, for there a
//! long vector is nearer to most others than these are to themselves, and a graph of such neighbours
//! leads to the long ones only. So vectors get one coordinate more, their height `√(reach - |x|²)`,
//! which makes all of one norm, and a query has none: the nearest to it are then those of the largest
//! inner product (Bachrach et al., Speeding up the Xbox recommender system using a Euclidean
//! transformation for inner-product spaces, 2014). The longest tenth has no height and stays beyond: with
//! the longest vector for the reach, those that answer queries are few and far from each other, and with
//! the median, short vectors inserted later are often out of reach.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// What a distance is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Metric {
    /// `1 - cos`.
    Cosine = 1,
    /// `-q·x`.
    InnerProduct = 2,
    /// `|q - x|²`; its root is what a user sees.
    L2 = 3,
}

impl Metric {
    /// The metric of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Cosine, Self::InnerProduct, Self::L2]
            .into_iter()
            .find(|&metric| metric as u8 == number)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine distance",
            Self::InnerProduct => "inner product",
            Self::L2 => "L2 distance",
        }
    }

    /// Whether there is a distance between a vector and others: none of cosine where its norm is zero.
    pub fn takes(self, vector: &[f16]) -> bool {
        self != Self::Cosine || kernels::norm_squared(vector) > 0.0
    }

    /// The distance of two vectors whose squared norms are known, by the SQL operators' own kernels.
    #[inline]
    pub fn distance(self, a: &[f16], a_norm: f32, b: &[f16], b_norm: f32) -> f64 {
        match self {
            Self::Cosine => kernels::cosine_distance_from(kernels::dot(a, b), a_norm, b_norm),
            Self::InnerProduct => -f64::from(kernels::dot(a, b)),
            Self::L2 => f64::from(kernels::l2_squared(a, b)),
        }
    }

    /// The distance of two vectors of which the inner product and the squared norms are known.
    #[inline]
    pub(crate) fn by_dot(self, dot: f64, a_norm: f32, b_norm: f32) -> f64 {
        let (a_norm, b_norm) = (f64::from(a_norm), f64::from(b_norm));
        match self {
            Self::Cosine => 1.0 - dot / (a_norm * b_norm).sqrt(),
            Self::InnerProduct => -dot,
            Self::L2 => a_norm + b_norm - 2.0 * dot,
        }
    }
}

/// Where the vectors of an index lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Space {
    /// What a distance to a query is.
    pub metric: Metric,
    /// The squared norm up to which vectors have a height, which only the inner product asks for;
    /// infinite while it is unknown, where nodes are neighbours by L2, which is the limit.
    pub reach: f32,
}

impl Space {
    /// The space before anything is known of the vectors.
    pub fn unknown(metric: Metric) -> Self {
        Self {
            metric,
            reach: f32::INFINITY,
        }
    }

    /// The space that fits a sample of vectors of these squared norms.
    pub fn fit(metric: Metric, norms_squared: impl Iterator<Item = f32>) -> Self {
        let mut norms: Vec<f32> = norms_squared.collect();
        norms.sort_unstable_by(f32::total_cmp);
        let reach = norms.get(norms.len() * 9 / 10);
        Self {
            metric,
            reach: reach.copied().unwrap_or(f32::INFINITY),
        }
    }

    /// Dimensions, of vectors that have `dims`.
    pub fn dims(&self, dims: usize) -> usize {
        dims + usize::from(self.metric == Metric::InnerProduct)
    }

    fn height_squared(&self, norm_squared: f32) -> f32 {
        (self.reach - norm_squared).max(0.0)
    }

    /// By how much a squared norm exceeds the reach.
    pub(crate) fn excess(&self, norm_squared: f32) -> f32 {
        match self.metric {
            Metric::InnerProduct => (norm_squared - self.reach).max(0.0),
            Metric::Cosine | Metric::L2 => 0.0,
        }
    }

    /// What tells distances between nodes from each other: by inner product, those of L2 while the reach is unknown.
    pub(crate) fn metric_between(&self) -> Metric {
        match self.metric {
            Metric::InnerProduct if self.reach == f32::INFINITY => Metric::L2,
            metric => metric,
        }
    }

    /// How far two nodes are from each other of which the inner product and the squared norms are known.
    #[inline]
    pub(crate) fn by_dot(&self, dot: f64, a_norm: f32, b_norm: f32) -> f64 {
        let distance = self.metric_between().by_dot(dot, a_norm, b_norm);
        match self.metric_between() {
            Metric::InnerProduct => distance - self.heights(a_norm, b_norm),
            Metric::Cosine | Metric::L2 => distance,
        }
    }

    /// The product of the heights of two nodes.
    fn heights(&self, a_norm: f32, b_norm: f32) -> f64 {
        let heights = self.height_squared(a_norm) * self.height_squared(b_norm);
        f64::from(heights.sqrt())
    }

    /// How far two nodes are from each other.
    #[inline]
    pub fn between(&self, a: &[f16], a_norm: f32, b: &[f16], b_norm: f32) -> f64 {
        let distance = self.metric_between().distance(a, a_norm, b, b_norm);
        match self.metric_between() {
            Metric::InnerProduct => distance - self.heights(a_norm, b_norm),
            Metric::Cosine | Metric::L2 => distance,
        }
    }

    /// The point of a node, which by cosine has norm 1.
    pub fn node(&self, vector: &[f16], norm_squared: f32) -> Vec<f32> {
        let mut point = self.widen(vector, norm_squared);
        if self.metric == Metric::InnerProduct {
            point.push(self.height_squared(norm_squared).sqrt());
        }
        point
    }

    /// The point of a query, which by inner product is as far out as nodes are: its norm decides nothing.
    pub(crate) fn query(&self, vector: &[f16], norm_squared: f32) -> Vec<f32> {
        let mut point = self.widen(vector, norm_squared);
        if self.metric == Metric::InnerProduct {
            let factor = self.stretch(norm_squared);
            point.iter_mut().for_each(|x| *x *= factor);
            point.push(0.0);
        }
        point
    }

    /// The factor between a query and its point.
    pub(crate) fn stretch(&self, norm_squared: f32) -> f32 {
        if norm_squared > 0.0 {
            (self.reach / norm_squared).sqrt()
        } else {
            1.0
        }
    }

    fn widen(&self, vector: &[f16], norm_squared: f32) -> Vec<f32> {
        let mut wide = Vec::with_capacity(vector.len() + 1);
        wide.resize(vector.len(), 0.0);
        vector.convert_to_f32_slice(&mut wide);
        if self.metric == Metric::Cosine {
            let factor = 1.0 / norm_squared.sqrt();
            wide.iter_mut().for_each(|x| *x *= factor);
        }
        wide
    }
}
