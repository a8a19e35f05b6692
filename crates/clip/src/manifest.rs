//! Model files of every layout in use, described in one way.

use serde::{Deserialize, Serialize};

/// Description of one model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Length of an embedding.
    pub dimensions: usize,
}
