//! One vector out of several.

use half::f16;

/// The common direction of vectors: the mean of the normalised ones, normalised again.
///
/// This is how open_clip makes one classifier vector of a class's templates (`build_zero_shot_classifier`), and what a
/// centroid by cosine distance is.
#[derive(Clone, Debug)]
pub struct Direction {
    sums: Vec<f64>,
}

impl Direction {
    /// Of no vectors yet, each of `dimensions` elements.
    pub fn new(dimensions: usize) -> Self {
        Self {
            sums: vec![0.0; dimensions],
        }
    }

    /// Adds a vector of as many dimensions. One of norm 0 has no direction to add.
    pub fn add(&mut self, vector: &[f16]) {
        debug_assert_eq!(vector.len(), self.sums.len(), "dimensions differ");
        let norm = kernels::norm(vector);
        if norm > 0.0 {
            for (sum, element) in self.sums.iter_mut().zip(vector) {
                *sum += element.to_f64_const() / norm;
            }
        }
    }

    /// The unit vector in the common direction; none where the vectors cancel each other out or there are none.
    pub fn unit(&self) -> Option<Vec<f32>> {
        let norm = self.sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
        // Less is rounding.
        (norm > 1e-6).then(|| self.sums.iter().map(|sum| (sum / norm) as f32).collect())
    }
}
