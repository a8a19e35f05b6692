//! What is learned from labelled embeddings and from a collection's embeddings, in SQL.
//!
//! Aggregates that keep all embeddings they meet, as halves in the memory of the aggregate ([`gather`]), and learn from
//! them at the end, on the backend's own thread. A vector that is NULL or of norm 0 says nothing and is passed over, as by
//! an index.

mod centroids;
mod error;
mod gather;
mod kmeans;
mod nearest;
mod rocchio;
mod train;

pub use error::Error;

use classifier::Origin;
use pgrx::check_for_interrupts;

use crate::error::Result;
use crate::model;
use crate::text::Text;

/// Lets the user end what takes long: raises an error, by which whatever is under way is let go.
fn interrupt() -> learn::Result<()> {
    check_for_interrupts!();
    Ok(())
}

/// The model that embeddings of that many dimensions are said to be by, and its logit scale; none where none is named, as
/// vectors do not know.
fn origin(model: Option<&Text>, embeddings: usize) -> Result<(Option<Origin>, Option<f64>)> {
    let Some(name) = model else {
        return Ok((None, None));
    };
    let model = model::resolve(Some(name.as_str()))?;
    let dimensions = model.manifest.dimensions;
    if dimensions != embeddings {
        let model = model.name.clone();
        return Err(Error::Model {
            embeddings,
            model,
            dimensions,
        }
        .into());
    }
    let origin = Origin {
        name: model.name.clone(),
        identity: model.manifest.identity.clone(),
    };
    Ok((Some(origin), Some(model.manifest.logit_scale)))
}

pgrx::extension_sql_file!(
    "../../sql/learn.sql",
    name = "learn",
    requires = [
        "classifier",
        centroids::clip_centroids_step,
        centroids::clip_centroids_final,
        kmeans::clip_kmeans_step,
        kmeans::clip_kmeans_final,
        nearest::clip_nearest,
        rocchio::clip_rocchio,
        train::clip_train_step,
        train::clip_train_final
    ]
);
