//! What can go wrong with the arguments of a classification. What is wrong with a classifier itself is a
//! [`classifier::Error`].

/// An error of an argument.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    /// A number of rows below 1.
    #[error("top_k must be at least 1, not {0}")]
    TopK(i32),
    /// A threshold or a margin that is no share.
    #[error("{name} must be between 0 and 1, not {value}")]
    Share {
        /// Name of the argument.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// A classifier that does not say by which model images are to be embedded.
    #[error("the classifier does not say which model it is for")]
    NoModel,
    /// A classifier for another model than the one that has its name here.
    #[error("the classifier is for another model \"{name}\" than the one of this server")]
    OtherModel {
        /// The name.
        name: String,
        /// What the classifier is for.
        wanted: String,
        /// What the name stands for.
        found: String,
    },
    /// An aggregate over rows with different classifiers.
    #[error("the classifier must be the same for all rows")]
    DifferentClassifiers,
    /// An aggregate over rows with different shares, or without.
    #[error("shares must be given, and the same for all rows")]
    DifferentShares,
    /// A label of a row that the classifier does not have.
    #[error("the classifier has no label \"{label}\"")]
    UnknownLabel {
        /// The label.
        label: String,
        /// What labels it has.
        labels: Vec<String>,
    },
    /// A binary value that is no classifier.
    #[error("invalid binary value for type clip_classifier: {0}")]
    Binary(classifier::Error),
    /// A text of a classifier that could not be shown, nor dumped.
    #[error("the database's encoding lacks characters of \"{0}\"")]
    Characters(String),
    /// An aggregate's support function, called as a function of its own: which SQL cannot do, as no value is internal.
    #[error("aggregate function called in non-aggregate context")]
    NotInAggregate,
}
