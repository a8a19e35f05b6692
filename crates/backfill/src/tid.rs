//! Where a row is in its table.

use std::{fmt, str::FromStr};

/// PostgreSQL's tuple identifier, the system column `ctid`: a block of the table, from 0, and an item in it, from 1. They are
/// in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid {
    /// The block.
    pub block: u32,
    /// The item.
    pub offset: u16,
}

impl Tid {
    /// Before all rows.
    pub const START: Self = Self {
        block: 0,
        offset: 0,
    };
}

impl fmt::Display for Tid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "({},{})", self.block, self.offset)
    }
}

/// As the server writes it.
impl FromStr for Tid {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let inside = text.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
        let (block, offset) = inside.and_then(|it| it.split_once(',')).ok_or(())?;
        Ok(Self {
            block: block.parse().map_err(|_| ())?,
            offset: offset.parse().map_err(|_| ())?,
        })
    }
}
