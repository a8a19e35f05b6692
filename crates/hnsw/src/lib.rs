//! A navigable small world graph on pages that someone else stores.
//!
//! The crate knows nothing of Postgres: it reads and writes pages of 8 kB through
//! [`store::PageStore`], which the access method implements on the buffer manager and
//! [`mem::MemStore`] in memory, with the faults that pages have.
//!
//! | module | what it does |
//! |---|---|
//! | [`layout`] | every byte on a page |
//! | [`store`], [`mem`] | what a store of pages promises; one in memory |
//! | [`codes`] | short codes of vectors, and estimates of distances from them |
//! | [`index`] | meta page, basis of the codes, allocation of slots |
//! | [`search`], [`select`], [`graph`] | the beam search, the choice of neighbours, what both walk on |
//! | [`build`] | an index of the rows of a table, in memory and by threads |
//! | [`insert`] | one row more |
//! | [`scan`] | rows in order of distance, as many as wanted |
//! | [`vacuum`] | rows removed, the graph mended, slots used again |
//! | [`learn`] | codes for an index that grew from nothing |
//! | [`check`] | every invariant |
//!
//! # The idea
//!
//! What a graph index does most is to look at a node's neighbours. Here a node carries a short code of
//! each, so that a single page yields estimates of the distances to all of them, and only those worth
//! it are visited: one page a hop, where others read one a neighbour. The idea is NGT-QG's and
//! SymphonyQG's (Gou et al., SIGMOD 2025).
#![warn(missing_docs)]

mod arena;
pub mod build;
pub mod check;
pub mod codes;
mod directory;
pub mod error;
pub mod graph;
pub mod index;
pub mod insert;
pub mod layout;
pub mod learn;
mod link;
pub mod mem;
pub mod random;
mod rows;
pub mod scan;
pub mod search;
pub mod select;
pub mod store;
pub mod vacuum;
