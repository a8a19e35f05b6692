//! What can go wrong between the bytes of a file and pixels. The extension maps each variant to an SQLSTATE.

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
    /// Decoding takes more memory than allowed.
    #[error(
        "decoding the image takes {needed} bytes of memory, which exceeds the limit of {limit} bytes"
    )]
    TooMuchMemory {
        /// Bytes that it takes, as far as it got.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The file has fewer pages.
    #[error("image has no page {page}: it has {pages}")]
    NoSuchPage {
        /// The page asked for; they are counted from 1.
        page: i32,
        /// Pages of the file.
        pages: u32,
    },
    /// The name of a region is none.
    #[error("invalid region \"{region}\": {reason}")]
    InvalidRegion {
        /// The name.
        region: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No pixel of the image is in the region.
    #[error("region \"{region}\" lies outside the image of {width} x {height} pixels")]
    RegionOutside {
        /// Its name.
        region: String,
        /// Pixels per row of the image, the right way up.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The system refused memory.
    #[error("out of memory on a request of {bytes} bytes")]
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
    },
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
