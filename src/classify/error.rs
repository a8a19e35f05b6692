//! What can go wrong with the arguments of a classification. What is wrong with a classifier itself is a
//! [`classifier::Error`].

use crate::error::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

/// An error of an argument.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
}

impl Report for Error {
    fn fields(&self) -> Fields {
        use Error::*;
        match self {
            TopK(_) | Share { .. } => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            NoModel => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Embed the image, and classify its embedding by clip_classify().",
            ),
            OtherModel { wanted, found, .. } => Fields::explained(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("It is for the model with the SHA-256 {wanted}, this one has {found}."),
                "Make the classifier anew.",
            ),
            DifferentClassifiers => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Name the same classifier for all rows of a group.",
            ),
            DifferentShares => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Leave the argument out to have all classes equally frequent.",
            ),
            UnknownLabel { labels, .. } => Fields::explained(
                ERRCODE_INVALID_PARAMETER_VALUE,
                format!("Its labels: {}.", labels.join(", ")),
                "Leave other rows out by FILTER or WHERE.",
            ),
            Binary(_) => Fields::hinted(
                ERRCODE_INVALID_BINARY_REPRESENTATION,
                "Send what clip_classifier_send() gives, or the text form.",
            ),
            Characters(_) => Fields::of(ERRCODE_UNTRANSLATABLE_CHARACTER),
        }
    }
}

impl Report for classifier::Error {
    fn fields(&self) -> Fields {
        use classifier::Error::*;
        match self {
            Lengths { .. } => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Give one element for each label, in their order.",
            ),
            NoTemplates => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Leave the argument out, or write {} where the label belongs.",
            ),
            Template(_) => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Write {} where the label belongs; the template {} stands for the label alone.",
            ),
            TwoNegations => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "A label with a minus prompt is told from its contrary already, by itself.",
            ),
            NoDirection(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            OneLabel(_) => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Add labels, distractors that stand for \"none of these\", or a minus prompt for what the label is not.",
            ),
            DuplicateLabel(_) => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "clip_classifier() makes one class of the prompts of equal labels.",
            ),
            NoLabels
            | EmptyLabel(_)
            | Character(_)
            | DimensionCount(_)
            | VectorLength { .. }
            | Count { .. }
            | Scale(_)
            | Threshold(_)
            | Share(_)
            | Shares(_)
            | Identity
            | UnknownLabel(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            Number { .. } => Fields::of(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
            TooLarge => Fields::of(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
            ManyBiases(_) => Fields::hinted(
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "clip_calibrate() without biases takes classifiers of any size.",
            ),
            Memory(_) => Fields::of(ERRCODE_OUT_OF_MEMORY),
            Dimensions { .. } => Fields::hinted(
                ERRCODE_DATA_EXCEPTION,
                "A classifier is for embeddings by its own model: make one with the model of the embedding as argument \"model\".",
            ),
            Damaged(_) => Fields::of(ERRCODE_DATA_CORRUPTED),
            Version(_) => Fields::hinted(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "Make the classifier anew.",
            ),
            Json(_) => Fields::of(ERRCODE_INVALID_TEXT_REPRESENTATION),
        }
    }
}
