//! What can be wrong with a classifier. The extension maps each variant to an SQLSTATE.

use crate::limits::{LARGEST, MAX_DIMENSIONS, MAX_WEIGHTS, MOST_BIASES, VERSION};

/// Any failure of this crate. Positions count from 1.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing to choose from.
    #[error("a classifier needs at least one label")]
    NoLabels,
    /// Softmax, which shares 1 out among the classes, with one class only.
    #[error("a classifier by softmax needs more than the one label {}", quoted(.0.as_ref()))]
    OneLabel(Option<String>),
    /// A label without characters.
    #[error("label {0} is empty")]
    EmptyLabel(usize),
    /// A label, or the name of a model, with a character that no text in SQL has.
    #[error("{0} must not hold the character 0")]
    Character(&'static str),
    /// Two classes of one label.
    #[error("label \"{0}\" occurs more than once")]
    DuplicateLabel(String),
    /// Vectors without elements, or with too many.
    #[error("dimensions of a classifier must be between 1 and {MAX_DIMENSIONS}, not {0}")]
    DimensionCount(usize),
    /// Vectors that differ in length.
    #[error(
        "vector {position} of a classifier has {actual} elements, the first one has {expected}"
    )]
    VectorLength {
        /// Which vector.
        position: usize,
        /// Elements of the first vector.
        expected: usize,
        /// Its elements.
        actual: usize,
    },
    /// An array that does not go with the labels.
    #[error("array \"{name}\" has {actual} elements for {labels} labels")]
    Lengths {
        /// Name of the array.
        name: &'static str,
        /// Its elements.
        actual: usize,
        /// Labels given.
        labels: usize,
    },
    /// Templates without a template.
    #[error("array \"templates\" must not be empty")]
    NoTemplates,
    /// A template that has no place for the label.
    #[error("template \"{0}\" has no place for the label")]
    Template(String),
    /// "Not x" for each label, and "none of these" for all.
    #[error("minus_prompts and distractors do not go together")]
    TwoNegations,
    /// Prompts that cancel each other out.
    #[error("the prompts of {} cancel each other out", .0.as_ref().map_or("a distractor".to_owned(), |label| format!("label \"{label}\"")))]
    NoDirection(Option<String>),
    /// More than is useful.
    #[error("a classifier cannot have more than {MAX_WEIGHTS} numbers in its vectors")]
    TooLarge,
    /// A number that is not finite, or too large to reckon with.
    #[error("{what} of a classifier must be between -{LARGEST:e} and {LARGEST:e}, not {value}")]
    Number {
        /// What it is.
        what: &'static str,
        /// The number.
        value: f64,
    },
    /// Not one number for each class.
    #[error("{actual} {what} for the {expected} classes of a classifier")]
    Count {
        /// What they are, in the plural.
        what: &'static str,
        /// How many there are.
        actual: usize,
        /// How many classes there are.
        expected: usize,
    },
    /// A scale that is not positive.
    #[error("scale of a classifier must be positive, not {0}")]
    Scale(f64),
    /// A threshold that is no probability.
    #[error("threshold must be between 0 and 1, not {0}")]
    Threshold(f64),
    /// A share of a class that leaves nothing to it, or to others.
    #[error("share of a class must be greater than 0 and less than 1, not {0}")]
    Share(f64),
    /// Shares that do not share out everything.
    #[error("shares of the classes must add up to 1, not {0}")]
    Shares(f64),
    /// Biases of more classes than can be fitted together.
    #[error("biases can be fitted to at most {MOST_BIASES} classes, not to {0}")]
    ManyBiases(usize),
    /// There is not enough memory.
    #[error("out of memory")]
    Memory(#[from] std::collections::TryReserveError),
    /// An identity that is no SHA-256.
    #[error("identity of a model must be 64 hexadecimal digits")]
    Identity,
    /// A label that the classifier does not have.
    #[error("the classifier has no label \"{0}\"")]
    UnknownLabel(String),
    /// An embedding of another model.
    #[error("embedding has {embedding} dimensions, the classifier {of_model}has {classifier}", of_model = of_model(.model.as_ref()))]
    Dimensions {
        /// Dimensions of the embedding.
        embedding: usize,
        /// Dimensions of the classifier.
        classifier: usize,
        /// The classifier's model.
        model: Option<String>,
    },
    /// Bytes that are no classifier.
    #[error("damaged classifier: {0}")]
    Damaged(&'static str),
    /// A classifier of another release.
    #[error("classifier has format version {0}, this release reads version {VERSION}")]
    Version(u32),
    /// JSON that is no classifier.
    #[error("invalid input syntax for type clip_classifier: {0}")]
    Json(#[from] serde_json::Error),
}

/// A label as a message has it.
fn quoted(label: Option<&String>) -> String {
    label.map_or_else(
        || "\"none of these\"".to_owned(),
        |label| format!("\"{label}\""),
    )
}

fn of_model(model: Option<&String>) -> String {
    model.map_or_else(String::new, |model| format!("by model \"{model}\" "))
}
