//! Embedding what is pending, without the server that holds it: which rows are visited next, in what order tables and their
//! owners have their turns, what is told of it, and what becomes of a row, a table or a call where something goes wrong.
//!
//! A [`Backfill`] goes step by step, and whoever drives it commits after each. What a step needs of the server it asks of a
//! [`Server`]; nothing is changed before that has answered, so that a step that fails has not happened.

mod cursors;
mod fault;
mod isolate;
mod retry;
mod state;
mod tally;
#[cfg(test)]
mod tests;
mod tid;

pub use cursors::Cursors;
pub use fault::{Circumstances, Fault, SqlState};
pub use isolate::{Trouble, isolate};
pub use retry::retries;
pub use state::{Backfill, End, Job, Scope, Server};
pub use tally::Counts;
pub use tid::Tid;
