//! What can go wrong between a model's files, a text or pixels, and an embedding. The extension maps each variant to an SQLSTATE.

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is longer than any tokenizer is asked to read.
    #[error("text of {bytes} bytes exceeds the limit of {limit} bytes")]
    TextTooLong {
        /// Length of the text in UTF-8.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The ONNX Runtime library cannot be loaded, is too old, or is another library.
    #[error("could not load ONNX Runtime from \"{path}\": {reason}")]
    Runtime {
        /// Path as configured.
        path: String,
        /// What the loader says.
        reason: String,
    },
    /// A model directory lacks a file the model needs.
    #[error("model file \"{file}\" is missing: {reason}")]
    MissingModelFile {
        /// The file, relative to the model directory where it belongs there.
        file: String,
        /// What it is needed for, or where it was looked for.
        reason: String,
    },
    /// The system does not let a model file be read.
    #[error("could not read model file \"{file}\": {}", reason(source))]
    UnreadableModelFile {
        /// The file, relative to the model directory.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A model file is damaged, or is something else than its name says.
    #[error("invalid model file \"{file}\": {reason}")]
    InvalidModelFile {
        /// The file, relative to the model directory.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of a few lines that Git LFS puts in the place of a large one.
    #[error("model file \"{file}\" is a Git LFS pointer, not the file that it stands for")]
    LfsPointer {
        /// The file, relative to the model directory.
        file: String,
    },
    /// ONNX Runtime refuses a graph that is an ONNX file.
    #[error("could not load model file \"{file}\": {reason}")]
    UnloadableModel {
        /// ONNX file, relative to the model directory.
        file: String,
        /// ONNX Runtime's words.
        reason: String,
    },
    /// A graph takes or gives something else than a tower that embeds.
    #[error("model file \"{file}\" cannot be used as a tower: {reason}")]
    UnsupportedTower {
        /// ONNX file, relative to the model directory.
        file: String,
        /// Which input or output, and what about it.
        reason: String,
    },
    /// A configuration file asks for something that is not implemented.
    #[error("model file \"{file}\" is not supported: {reason}")]
    UnsupportedConfiguration {
        /// The file, relative to the model directory.
        file: String,
        /// The setting and its value.
        reason: String,
    },
    /// A text tower, or its tokenizer, does not take texts of the model's context length.
    #[error("model file \"{file}\" does not take texts of {length} tokens: {reason}")]
    ContextLength {
        /// The file, relative to the model directory.
        file: String,
        /// The context length.
        length: usize,
        /// ONNX Runtime's words, or what else is in the way.
        reason: String,
    },
    /// Images are not prepared in the size that the image tower takes.
    #[error("model file \"{file}\" does not belong to \"{tower}\": {reason}")]
    ImageSize {
        /// The file that describes the preprocessing, or the tower where none does; relative to the model directory.
        file: String,
        /// ONNX file, relative to the model directory.
        tower: String,
        /// Both sizes.
        reason: String,
    },
    /// A model file is not the one that was registered.
    #[error("model file \"{file}\" has changed: its SHA-256 is {found}, registered was {expected}")]
    ModelFileChanged {
        /// The file, relative to the model directory.
        file: String,
        /// SHA-256 at registration, hexadecimal.
        expected: String,
        /// SHA-256 now, hexadecimal.
        found: String,
    },
    /// A tower does not have the dimensions that the model's configuration announces.
    #[error(
        "output \"{output}\" of \"{file}\" has {found} dimensions, the configuration says {expected}"
    )]
    Projection {
        /// ONNX file, relative to the model directory.
        file: String,
        /// The output that was taken for the embedding.
        output: String,
        /// Its dimensions.
        found: usize,
        /// `projection_dim`, or open_clip's `embed_dim`.
        expected: usize,
    },
    /// The two towers of a model do not embed into the same space.
    #[error("text tower has {text} dimensions, image tower has {image}")]
    TowerMismatch {
        /// Dimensions of the text tower's output.
        text: usize,
        /// Dimensions of the image tower's output.
        image: usize,
    },
    /// An option of a model is unknown or has an unusable value.
    #[error("invalid model option: {0}")]
    InvalidOption(String),
    /// Pixels do not have the size the model's image tower takes.
    #[error("image has {found} samples, the model takes {expected}")]
    PixelCount {
        /// Height × width × 3 of the model.
        expected: usize,
        /// Samples given.
        found: usize,
    },
    /// A model's output is no embedding.
    #[error("model \"{file}\" returned an invalid embedding: {reason}")]
    InvalidEmbedding {
        /// ONNX file, relative to the model directory.
        file: String,
        /// What is wrong with the numbers.
        reason: &'static str,
    },
    /// ONNX Runtime failed while running a model.
    #[error("could not run model \"{file}\": {reason}")]
    Inference {
        /// ONNX file, relative to the model directory.
        file: String,
        /// ONNX Runtime's words.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("canceled")]
    Canceled,
}

/// What the system says, as the server's own messages have it: without the error's number.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
