//! Classifiers as JSON, the text form of the type in SQL.
//!
//! `{"version": 1, "model": {"name": …, "identity": …}, "activation": "softmax", "scale": 100, "classes": [{"label": …, "bias": 0,
//! "threshold": 0.4, "vector": […]}, …]}`. What it stands for survives the way there and back to the bit.

use serde::{Deserialize, Serialize};

use crate::limits::VERSION;
use crate::{Activation, Class, Classifier, Error, Origin, Result};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    #[serde(default)]
    model: Option<Origin>,
    activation: Activation,
    scale: f64,
    classes: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    bias: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    vector: Vec<f32>,
}

impl Classifier {
    /// Its JSON.
    pub fn to_json(&self) -> String {
        let classes = self.classes().map(|class| Entry {
            label: class.label,
            bias: class.bias,
            threshold: class.threshold,
            vector: class.vector,
        });
        let document = Document {
            version: VERSION.into(),
            model: self.origin().cloned(),
            activation: self.activation(),
            scale: self.scale(),
            classes: classes.collect(),
        };
        // Serialising plain data cannot fail.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// The classifier that `json` describes.
    ///
    /// # Errors
    /// Syntax, a member that is unknown or missing, another version, or what no classifier may have.
    pub fn from_json(json: &str) -> Result<Self> {
        let document: Document = serde_json::from_str(json)?;
        if document.version != u32::from(VERSION) {
            return Err(Error::Version(document.version));
        }
        let classes = document.classes.into_iter().map(|entry| Class {
            label: entry.label,
            vector: entry.vector,
            bias: entry.bias,
            threshold: entry.threshold,
        });
        Self::new(
            document.model,
            document.activation,
            document.scale,
            classes.collect(),
        )
    }
}
