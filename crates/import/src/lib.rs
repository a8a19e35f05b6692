//! Image files in a directory and below: which there are, what they hold, and what is told of those that are passed over.
//!
//! Nothing here knows of tables: whoever imports decides what a file is good for, and counts it in a [`Tally`].

mod error;
mod kinds;
mod tally;
#[cfg(test)]
mod tests;
mod walk;

pub use error::{Error, Result};
pub use kinds::{Others, Reason};
pub use tally::{Outcome, Tally};
pub use walk::{Entry, Found, Kind, Recognize, find, read, walk};
