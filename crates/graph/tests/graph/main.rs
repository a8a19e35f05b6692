//! The index over the store in memory. One program, since each would compile all of it for itself.

#[path = "../common/mod.rs"]
mod common;

mod bounds;
mod build;
mod check;
mod codes;
mod concurrency;
mod filter;
mod insert;
mod parts;
mod reference;
mod retrain;
mod scan;
mod vacuum;
