//! What can go wrong between a file and an embedding. The extension maps each variant to an SQLSTATE.

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are no image of a supported format.
    #[error("image format not recognized")]
    UnknownImageFormat,
    /// A known format without a decoder, or a variant that its decoder does not read.
    #[error("image format {format} is not supported")]
    UnsupportedImageFormat {
        /// Name of the format or variant.
        format: String,
    },
    /// The image is damaged or ends early.
    #[error("invalid {format} image: {reason}")]
    CorruptImage {
        /// Format by its magic bytes.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// More pixels than allowed.
    #[error("image of {width} x {height} pixels exceeds the limit of {limit} pixels")]
    ImageTooLarge {
        /// Pixels per row.
        width: u64,
        /// Rows.
        height: u64,
        /// Pixels allowed.
        limit: u64,
    },
    /// The system refused memory.
    #[error("out of memory on a request of {bytes} bytes")]
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
    },
    /// The caller asked to stop.
    #[error("canceled")]
    Canceled,
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
