//! Classification in SQL: which labels describe a picture.
//!
//! A value of the type `clip_classifier` is a [`Classifier`](classifier::Classifier), made of labels and prompts, of labelled
//! embeddings, or of another classifier that is set right by embeddings. Applying it takes no model.

mod aggregate;
mod construct;
mod datum;
mod error;
mod functions;
mod io;
mod memo;

pub use datum::{Stored, Value};
pub use error::Error;

use crate::error::Result;

/// Checks an argument that is a share of 1, as probabilities are.
fn check_share(name: &'static str, value: Option<f64>) -> Result<()> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => Err(Error::Share { name, value }.into()),
        _ => Ok(()),
    }
}

pgrx::extension_sql_file!(
    "../../sql/classifier.sql",
    name = "classifier",
    creates = [Type(Value)]
);

pgrx::extension_sql_file!(
    "../../sql/classify.sql",
    name = "classify",
    requires = [
        "classifier",
        clip_classifier,
        classifier_by_default,
        clip_embed_support,
        clip_classify,
        clip_classify_image,
        clip_label,
        clip_labels,
        clip_uncertainty,
        clip_with_thresholds,
    ]
);
