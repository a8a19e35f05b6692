//! What a word says of a set of values, as of an array's: bits by the hashes of its elements.
//!
//! Each element has two of 63 bits, which two elements may share. A set has those of all of its elements, so that a set holds
//! another one only if its bits do. Of twenty sets of five elements that lack a value, one seems to have it; of sets of
//! twenty, every fifth.

/// Bits of a set: all but one of a word.
const BITS: u64 = 63;

/// The bits of an element, or of a set.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Signature(u64);

impl Signature {
    /// Of the set without elements.
    pub const EMPTY: Self = Self(0);

    /// Of an element of which nothing is known, which may be any.
    pub const UNKNOWN: Self = Self((1 << BITS) - 1);

    /// Of an element with this hash.
    pub fn of(hash: u64) -> Self {
        let (low, high) = (hash & 0xffff_ffff, hash >> 32);
        Self(1 << (low % BITS) | 1 << (high % BITS))
    }

    /// Of both sets together.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The bits, the highest of which is 0.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

impl FromIterator<Self> for Signature {
    fn from_iter<I: IntoIterator<Item = Self>>(elements: I) -> Self {
        elements.into_iter().fold(Self::EMPTY, Self::with)
    }
}
