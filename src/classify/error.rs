//! What can go wrong with the arguments of a classification.

/// An error of an argument.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing to choose from.
    #[error("clip_classify needs at least one label")]
    NoLabels,
    /// A NULL among the labels.
    #[error("array \"labels\" must not contain nulls")]
    NullLabel,
    /// A template that is NULL or has no place for the label.
    #[error("template {} has no place for the label", .0.as_ref().map_or("NULL".to_owned(), |template| format!("\"{template}\"")))]
    Template(Option<String>),
    /// An embedding by another model.
    #[error("embedding has {embedding} dimensions, model \"{model}\" has {dimensions}")]
    Dimensions {
        /// Dimensions of the embedding.
        embedding: usize,
        /// The model that embeds the labels.
        model: String,
        /// Its dimensions.
        dimensions: usize,
    },
}
