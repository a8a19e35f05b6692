//! What processes hand each other through shared memory: requests, answers and embeddings.
//!
//! | module | what it does |
//! |---|---|
//! | [`seats`] | how a request gets from a client to the process that runs models, and its answer back |
//! | [`memo`] | embeddings that any process has asked for lately |
//! | [`fixed`] | strings of a fixed size |
//! | [`key`] | what an embedding is remembered by, in every memo |
//!
//! All of it is plain data, which no process has allocated, and the rules by which it changes. Nothing here knows where the
//! memory is from, who holds which lock or how a process is woken: that is the caller's.

pub mod fixed;
pub mod key;
pub mod memo;
pub mod seats;
