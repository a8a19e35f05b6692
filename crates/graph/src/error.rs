//! What can go wrong with an index. The extension maps each variant to an SQLSTATE.

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Block 0 is no meta page of this kind of index.
    #[error("not an index of this kind: bad magic {found:#x} on its first page")]
    Magic {
        /// What stands where the magic should.
        found: u16,
    },
    /// The index was built by a release with another page format.
    #[error("index has format version {found}, this release reads version {expected}")]
    Version {
        /// Version of the index.
        found: u8,
        /// Version of this release.
        expected: u8,
    },
    /// A page contradicts itself or what refers to it.
    #[error("block {block}: {reason}")]
    Corrupt {
        /// Where.
        block: u32,
        /// What is wrong.
        reason: String,
    },
    /// A node does not fit a page.
    #[error("vectors of {dims} dimensions with m = {m} exceed the limit of {limit} dimensions")]
    TooManyDimensions {
        /// Dimensions asked for.
        dims: usize,
        /// Neighbours per node asked for.
        m: usize,
        /// Dimensions that fit with this `m`.
        limit: usize,
    },
    /// A parameter is outside its range.
    #[error("{name} = {value} is outside the range of {min} to {max}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: usize,
        /// Smallest value allowed.
        min: usize,
        /// Largest value allowed.
        max: usize,
    },
    /// A vector has another number of dimensions than the index.
    #[error("expected {expected} dimensions, not {found}")]
    Dimensions {
        /// Dimensions of the index.
        expected: usize,
        /// Dimensions of the vector.
        found: usize,
    },
    /// More nodes than ids.
    #[error("index exceeds the limit of {limit} nodes")]
    Full {
        /// Nodes that can be addressed.
        limit: u64,
    },
    /// There is no memory for as much as the caller has granted.
    #[error("out of memory")]
    Memory,
    /// The store failed, or asks that the operation stop.
    #[error("{0}")]
    Store(String),
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// As many values as `count`, where there may be no memory for them.
pub(crate) fn filled<T>(count: usize, value: impl FnMut() -> T) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count)?;
    values.extend(std::iter::repeat_with(value).take(count));
    Ok(values)
}

impl From<std::collections::TryReserveError> for Error {
    fn from(_: std::collections::TryReserveError) -> Self {
        Self::Memory
    }
}

impl Error {
    pub(crate) fn corrupt(block: u32, reason: impl Into<String>) -> Self {
        Self::Corrupt {
            block,
            reason: reason.into(),
        }
    }
}
