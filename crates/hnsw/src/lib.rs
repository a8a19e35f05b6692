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
//! | [`space`], [`codes`] | what is near; short codes of vectors, and estimates of distances from them |
//! | [`index`] | meta page, basis of the codes, allocation of slots |
//! | [`search`], [`select`], [`graph`] | the beam search, the choice of neighbours, what both walk on |
//! | [`build`] | an index of the rows of a table, in memory and by threads |
//! | [`insert`] | one row more |
//! | [`scan`] | rows in order of distance, as many as wanted |
//! | [`vacuum`] | rows removed, the graph mended, slots used again |
//! | [`learn`] | codes for an index that grew from nothing |
//! | [`check`], [`census`] | every invariant, and what there is |
//!
//! # The idea
//!
//! What a graph index does most is to look at a node's neighbours. Here a node carries a short code of
//! each, so that a single page yields estimates of the distances to all of them, and only those worth
//! it are visited: one page a hop, where others read one a neighbour. The idea is NGT-QG's and
//! SymphonyQG's (Gou et al., SIGMOD 2025). There are no upper layers: a search begins at the best of a
//! sample of the nodes, whose codes lie on a tree of pages of two levels ([`layout`], root and leaf).
//!
//! # What was measured, and chosen
//!
//! `examples/tune.rs` over [`mem::MemStore`]; m = 16, ef_construction = 64, cosine, 10 neighbours.
//! "Pages" are all that a query reads but the meta page: four for the directory, one for each node.
//! *Topics* are 100 000 synthetic vectors like CLIP's of 512 dimensions, images in one cone and texts
//! in another, of a signal of rank 96; *flat* the same with a signal of full rank; *clip-mini* 11 700
//! real embeddings of images, with held-out images and with captions as queries.
//!
//! | data, queries | recall at `ef` 40 | 64 | 80 | 100 | 200 |
//! |---|---|---|---|---|---|
//! | topics, images | .968 @ 55 pages | .991 @ 84 | .994 @ 103 | .997 @ 127 | .999 @ 243 |
//! | topics, texts | .935 @ 60 | .975 @ 92 | .985 @ 112 | .989 @ 137 | .997 @ 258 |
//! | topics, 10 000, texts | .993 @ 53 | .998 @ 80 | .999 @ 98 | 1.00 @ 120 | 1.00 @ 227 |
//! | topics, 20 000 × 768, texts | .992 @ 51 | .999 @ 77 | .999 @ 94 | .999 @ 116 | 1.00 @ 223 |
//! | topics, 20 000 × 1 024, texts | .990 @ 54 | .996 @ 81 | .997 @ 99 | .998 @ 121 | .999 @ 231 |
//! | clip-mini, images | .993 @ 52 | .997 @ 81 | .998 @ 100 | .999 @ 123 | 1.00 @ 241 |
//! | clip-mini, captions | .990 @ 55 | .996 @ 84 | .998 @ 102 | .998 @ 126 | 1.00 @ 244 |
//! | flat, images | .405 @ 139 | .504 @ 203 | .542 @ 244 | .574 @ 291 | .685 @ 512 |
//! | flat, texts | .351 @ 147 | .425 @ 219 | .451 @ 266 | .489 @ 323 | .590 @ 579 |
//!
//! - **Code, 40 bytes at 512 dimensions**: what fits beside 32 edges and the vector itself with three
//!   nodes to a page, 2 731 bytes a vector. At 768 and 1 024 dimensions two nodes fit, with codes of 64
//!   and 48 bytes, and a vector takes 4 096.
//! - **Bits of an element**: the sample decides ([`codes`]). Topics get 4 bits of 80 directions. The
//!   real embeddings get 2 bits of 160: images .993 @ 48 nodes, against .991 @ 68 with 4 bits; captions
//!   the same with both. On the flat spectrum (20 000) 2 bits are better for texts (.613 @ 158 nodes
//!   against .569 @ 143) and worse for images (.685 @ 151 against .737 @ 155).
//! - **Unbiased scales**: at the same pages as scales of least squares, topics' texts .975 @ 92 against
//!   .964 @ 91. A given `ef` visits more nodes for it.
//! - **Codes of neighbours one after the other**, not transposed: an insertion changes one place in a
//!   neighbour's list rather than one for every four bytes of a code, which is what is logged.
//! - **ef_construction**: 128 gives no better recall than 64 on topics, and takes longer to build.
//! - **Codes of full length while building** (256 bytes) give the same recall as those of the pages.
//! - **Building** 100 000 × 512 by two threads took 10 s with 4 bits and scales of least squares, 17 s
//!   with unbiased ones on a machine that ran other work; a query at `ef` 64 takes 140 to 175 µs there.
//!
//! # Limits
//!
//! Past its memory a build goes on row by row. Nodes are not placed by locality.
#![warn(missing_docs)]

mod arena;
pub mod build;
pub mod census;
pub mod check;
pub mod codes;
mod directory;
pub mod error;
pub mod graph;
pub mod index;
pub mod insert;
pub mod layout;
pub mod learn;
mod learning;
mod link;
pub mod mem;
mod probe;
pub mod random;
mod rows;
pub mod scan;
pub mod search;
pub mod select;
pub mod space;
pub mod store;
pub mod vacuum;
