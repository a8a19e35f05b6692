//! Embedding what is pending, step by step.
//!
//! What is next is decided by the crate `backfill`, and done here by the [driver]: [finding](find) pending rows,
//! [embedding](embed) a batch of them, keeping the [list](listed) of those that could not be. Whoever drives it commits after
//! each step: the procedures `clip_backfill` and `clip_work_queue`, whose [calls] are beside this, or the queue's worker.

mod calls;
mod driver;
mod embed;
mod find;
mod listed;
mod owner;
mod progress;
mod tables;
mod tid;

pub use driver::{Backfill, Visited};
pub use tables::in_queue;

pgrx::extension_sql_file!(
    "../../../sql/backfill.sql",
    name = "backfill",
    requires = ["ingest"]
);
