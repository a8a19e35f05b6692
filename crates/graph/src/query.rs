//! What a search looks for, with exact distances from it and estimates.

use std::sync::Arc;

use half::f16;

use crate::basis::Basis;
use crate::estimator::Estimator;
use crate::rounded::{Measure, RoundedRef, Viewpoint};
use crate::space::{Metric, Space};

/// What a search looks for.
#[derive(Clone, Debug)]
pub struct Query {
    /// Where distances are measured from.
    pub vector: Vec<f16>,
    /// Its squared norm.
    pub norm_squared: f32,
    /// Estimates, while there is a basis.
    pub estimator: Option<Estimator>,
    viewpoint: Viewpoint,
    metric: Metric,
    /// For neighbours of a node.
    space: Option<Space>,
}

impl Query {
    /// A query for the nodes nearest to `vector`.
    pub fn new(metric: Metric, vector: &[f16], basis: Option<&Arc<Basis>>) -> Self {
        let norm_squared = kernels::norm_squared(vector);
        Self {
            vector: vector.to_vec(),
            viewpoint: Viewpoint::new(vector, norm_squared),
            norm_squared,
            estimator: basis.map(|basis| Estimator::new(basis, vector, norm_squared, false)),
            metric,
            space: None,
        }
    }

    /// A query for the neighbours of a node with this vector.
    pub(crate) fn of_node(space: Space, vector: &[f16], basis: Option<&Arc<Basis>>) -> Self {
        let norm_squared = kernels::norm_squared(vector);
        Self {
            vector: vector.to_vec(),
            viewpoint: Viewpoint::new(vector, norm_squared),
            norm_squared,
            estimator: basis.map(|basis| Estimator::new(basis, vector, norm_squared, true)),
            metric: space.metric,
            space: Some(space),
        }
    }

    /// The query where vectors of single precision, of the nodes and this one, became halves before anything else saw them:
    /// bounds of distances are to hold for those that they were. By cosine distance, their directions became halves. `lost`
    /// is the norm of what that took from this one; where it is infinite, nothing is known of distances.
    pub fn converted(mut self, lost: f64) -> Self {
        self.viewpoint = self.viewpoint.converted(lost);
        self
    }

    /// The distance to a vector of this squared norm.
    #[inline]
    pub fn distance(&self, vector: &[f16], norm_squared: f32) -> f64 {
        match &self.space {
            None => self
                .metric
                .distance(&self.vector, self.norm_squared, vector, norm_squared),
            Some(space) => space.between(&self.vector, self.norm_squared, vector, norm_squared),
        }
    }

    /// The distance to a rounded vector, which was of this squared norm when it was whole.
    #[inline]
    pub fn measure(&self, rounded: RoundedRef<'_>, norm_squared: f32) -> Measure {
        let dot = self.viewpoint.dot(rounded);
        let (distance, metric) = match &self.space {
            None => (
                self.metric.by_dot(dot, self.norm_squared, norm_squared),
                self.metric,
            ),
            Some(space) => (
                space.by_dot(dot, self.norm_squared, norm_squared),
                space.metric_between(),
            ),
        };
        let viewpoint = &self.viewpoint;
        Measure {
            distance,
            error: viewpoint.error(metric, dot, rounded.error, norm_squared),
        }
    }
}
