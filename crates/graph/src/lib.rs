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
//! | [`scan`], [`exact`] | rows in order of distance, as many as wanted; all of them, from all pages |
//! | [`vacuum`] | rows removed, the graph mended, slots used again |
//! | [`learn`] | codes for an index that grew from nothing |
//! | [`check`], [`census`] | every invariant, and what there is |
//! | [`share`] | how many vectors lie within a distance, before there is a scan |
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
//! *Topics* are synthetic vectors like CLIP's of 512 dimensions, images in one cone and texts in another,
//! of a signal of rank 96; *flat* the same with a signal of full rank; *clip-mini* 11 700 real embeddings of
//! images, with held-out images and with captions as queries.
//!
//! | data, queries | recall at `ef` 20 | 32 | 50 | 64 | 100 |
//! |---|---|---|---|---|---|
//! | topics, 10 000, images | .997 @ 53 pages | .999 @ 79 | .999 @ 118 | .999 @ 149 | .999 @ 226 |
//! | topics, 10 000, texts | .990 @ 55 | .998 @ 82 | .998 @ 123 | .999 @ 154 | .999 @ 234 |
//! | topics, 100 000, images | .975 @ 56 | .990 @ 85 | .997 @ 128 | .999 @ 161 | .999 @ 243 |
//! | topics, 100 000, texts | .953 @ 62 | .982 @ 93 | .992 @ 139 | .994 @ 174 | .996 @ 261 |
//! | topics, 1 000 000, images | .883 @ 65 | .930 @ 98 | .963 @ 146 | .973 @ 183 | .987 @ 275 |
//! | topics, 1 000 000, texts | .845 @ 77 | .894 @ 114 | .934 @ 167 | .955 @ 208 | .975 @ 310 |
//! | topics, 20 000 × 768, images | .993 @ 47 | .998 @ 72 | .999 @ 109 | .999 @ 138 | .999 @ 211 |
//! | topics, 20 000 × 768, texts | .997 @ 49 | .999 @ 74 | 1.00 @ 112 | 1.00 @ 142 | 1.00 @ 217 |
//! | topics, 20 000 × 1 024, images | .994 @ 48 | .998 @ 73 | .998 @ 110 | .998 @ 139 | .998 @ 213 |
//! | topics, 20 000 × 1 024, texts | .991 @ 49 | .997 @ 75 | .998 @ 113 | .999 @ 142 | .999 @ 217 |
//! | clip-mini, images | .993 @ 51 | .998 @ 78 | 1.00 @ 118 | 1.00 @ 150 | 1.00 @ 231 |
//! | clip-mini, captions | .989 @ 53 | .995 @ 81 | .998 @ 123 | .998 @ 153 | .999 @ 235 |
//! | flat, 100 000, images | .580 @ 99 | .676 @ 153 | .749 @ 226 | .789 @ 281 | .848 @ 416 |
//! | flat, 100 000, texts | .425 @ 118 | .508 @ 183 | .587 @ 272 | .629 @ 339 | .711 @ 502 |
//!
//! - **A beam of twice `ef`**: as wide as `ef` itself, which is 64 by default, it finds .93 and .89 at a million.
//!   Nearly all that is missed there was never heard of: by exact distances in place of estimates, the same
//!   graph yields .91 and .87, for fewer nodes are visited.
//! - **Building in rounds** ([`build`]): with all but a random quarter in one round, ordered by cell alone, 100 000
//!   images are found to .983 at `ef` 32 instead of .990, and a million take a tenth longer to build. What
//!   follows was measured so: 100 000 at `ef` 32, images .983 @ 85, texts .980 @ 93.
//! - **Code, 40 bytes at 512 dimensions**: what fits beside 32 edges and the vector itself with three
//!   nodes to a page, 2 731 bytes a vector. At 768 and 1 024 dimensions two nodes fit, with codes of 64
//!   and 48 bytes, and a vector takes 4 096.
//! - **Cells**: codes of what vectors differ from one mean by, instead of 64, give topics' texts .917 @ 169
//!   with 2 bits and .968 @ 87 with 4; images .975 @ 152 and .986 @ 83.
//! - **Bits of an element**: the sample decides ([`codes`]). Both topics and the real embeddings get 2 bits of
//!   156 directions. With 4 bits of 78, topics' images take .983 @ 76 and texts .973 @ 81, about as much at
//!   equal recall; real images take .991 @ 68, captions the same.
//! - **Unbiased scales**: at the same pages as scales of least squares, topics' texts .975 @ 92 against
//!   .964 @ 91. A given `ef` visits more nodes for it.
//! - **Codes of neighbours one after the other**, not transposed: an insertion changes one place in a
//!   neighbour's list rather than one for every four bytes of a code, which is what is logged.
//! - **ef_construction**: 128 gives no better recall than 64 for 100 000; for a million at `ef` 50, texts .941 instead
//!   of .934, and half as much again of time to build.
//! - **Slack in the choice of neighbours** (Subramanya et al., DiskANN, 2019: α = 1.15): .935 to .942 there, for a
//!   fifth more of time, which is not worth it.
//! - **Edges back**: from all that a new node links to while building: from those alone that the heuristic keeps,
//!   a build takes 22 % less time and finds .980 of topics' images instead of .983. An insertion takes those
//!   alone: it logs 10 pages instead of 21.
//! - **Codes of full length while building** (256 bytes) give the same recall as those of the pages.
//! - **Building** 100 000 × 512 by two threads takes 8 s, a million 105 s. A query at `ef` 64 takes 0.3 and 0.4 ms.
//!
//! # Limits
//!
//! Past its memory a build goes on row by row.
#![warn(missing_docs)]

mod arena;
pub mod build;
pub mod census;
pub mod check;
pub mod codes;
mod directory;
pub mod error;
pub mod exact;
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
mod reach;
mod rows;
pub mod scan;
pub mod search;
pub mod select;
pub mod share;
pub mod space;
pub mod store;
mod threads;
pub mod vacuum;
