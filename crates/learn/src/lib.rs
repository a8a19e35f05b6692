//! Classifiers and clusters out of embeddings.
//!
//! Only the direction of a vector counts: every row stands for the unit vector of its direction. Rows are kept as halves
//! and widened a block at a time. Results depend on the rows and not on their order, so that neither the plan of a query
//! nor the order of a table shows in them; on another kind of processor the last digits differ.
//!
//! | module | what it does |
//! |---|---|
//! | [`rows`] | the vectors to learn from |
//! | [`logistic`] | multinomial logistic regression: the linear probe |
//! | [`lbfgs`] | the minimisation under it |
//! | [`kmeans`] | clusters of directions |

mod cholesky;
mod curvature;
mod error;
pub mod kmeans;
pub mod lbfgs;
pub mod logistic;
mod product;
pub mod rows;

pub use error::{Error, Result};

/// Most clusters.
pub const MOST_CLUSTERS: usize = 10_000;

/// Asked now and then, after some milliseconds of work, whether to go on; an error ends the work.
pub type Interrupt<'i> = &'i dyn Fn() -> Result<()>;

/// The inner product, in lanes of its own so that the compiler may use those of the machine.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}
