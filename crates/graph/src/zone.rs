//! What a page of the filter directory says of the words on another one.

/// What is known of the words of many rows in a column: none is less than the least (Moerkotte, Small materialized
/// aggregates, 1998), and a word without its mark is none of them (Bloom, 1970, with one hash of 64).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Zone {
    /// The least.
    pub least: u64,
    /// The largest.
    pub most: u64,
    /// The marks of all.
    pub marks: u64,
}

impl Zone {
    /// Of no words.
    pub const EMPTY: Self = Self {
        least: u64::MAX,
        most: 0,
        marks: 0,
    };

    /// With one more.
    pub fn with(self, word: u64) -> Self {
        Self {
            least: self.least.min(word),
            most: self.most.max(word),
            marks: self.marks | Self::mark(word),
        }
    }

    /// Whether a word may be one of them.
    pub fn covers(&self, word: u64) -> bool {
        self.least <= word && word <= self.most && self.marks & Self::mark(word) != 0
    }

    /// One bit of 64, by Fibonacci hashing. It is on disk.
    fn mark(word: u64) -> u64 {
        1 << (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
    }
}
