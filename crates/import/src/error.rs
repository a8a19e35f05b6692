//! Why a file is not imported.

use std::{io, path::PathBuf};

/// What is wrong with a file or a directory. What the system says of it is the source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Directories to import from are given as absolute paths.
    #[error("directory \"{0}\" is not an absolute path")]
    RelativeDirectory(String),
    /// A file or a directory cannot be read.
    #[error("could not read \"{}\"", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that is larger than can be imported.
    #[error("file \"{}\" of {bytes} bytes exceeds the limit of {limit} bytes", path.display())]
    TooLarge {
        /// Its path.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Bytes that fit.
        limit: u64,
    },
    /// The path of a file is no text.
    #[error("path \"{}\" is not valid UTF-8", .0.display())]
    PathEncoding(PathBuf),
    /// The path of a file cannot be written down where it is to be kept.
    #[error("path \"{}\" has characters that the database's encoding lacks", .0.display())]
    PathCharacters(PathBuf),
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
