//! How well predictions agree with what is known to be true.
//!
//! Of one label a row: a [`Tally`] counts rows, and becomes a [`Confusion`], which is written as JSON or, for people, as
//! a table, and tells precision, recall and their relatives. Of scores, such as those of one label among several that a row
//! may have: a [`Ranking`] tells average precision, precision at a depth and the best threshold.
//!
//! Definitions are scikit-learn's where it has one, with its zeros where something is divided by zero; the tests hold
//! figures that it computed. All shares are fractions of 1.

mod confusion;
mod error;
mod limits;
mod ranking;
mod table;
mod tally;

pub use confusion::{Accuracy, Confusion, Row};
pub use error::Error;
pub use limits::{MAX_COUNT, MAX_LABEL_BYTES, MAX_LABELS};
pub use ranking::Ranking;
pub use tally::Tally;
