//! A navigable small world graph on pages that someone else stores.
//!
//! The crate knows nothing of PostgreSQL: it reads and writes pages of 8 kB through [`store::PageStore`], which the
//! access method implements on the buffer manager. With the feature `testing` there is a store in memory, with the
//! faults that pages have.
//!
//! The access method is called `clip_hnsw` all the same, since its parameters mean what they mean in an HNSW (Malkov and
//! Yashunin, 2018), which it is used in place of. There is no hierarchy: one layer, and an entry tree in place of the
//! others.
//!
//! Modules in layers; each uses those above it only.
//!
//! | module | what it owns |
//! |---|---|
//! | [`error`], [`random`], `samples` | what can go wrong; repeatable random numbers; averages |
//! | [`signature`], [`zone`], [`filter`] | sets in a word; what is known of many words; words of filter columns, and conditions on them |
//! | [`layout`] | every byte on a page |
//! | [`space`], [`rounded`] | what is near: metrics, and where nodes are neighbours; vectors in eight bits, and how far off distances from them are |
//! | `training`, [`basis`] | how a basis is trained; the basis, and the codes it makes |
//! | [`estimator`], [`query`] | distances estimated from codes; what a search looks for |
//! | [`sort`], [`spool`], [`store`] | entries put in order; bytes put aside; what a store of pages promises |
//! | [`node_set`], [`graph`], [`search`] | the beam search, over any graph |
//! | `vectors`, [`threads`], `near` | many vectors; work that threads share; an order in which near nodes are near |
//! | [`index`] | meta page, basis in use, slots read, changed and allocated |
//! | [`page_graph`], `tids`, `entries`, `directory`, `listed`, `sweep` | on pages: the graph, rows of a node, entry points, words of all nodes, those that pass a filter, all nodes one after the other |
//! | [`select`], `link`, [`insert`] | the choice of neighbours; edges; one row more |
//! | `arena`, `rescue`, [`build`] | an index of the rows of a table, in any memory and by threads |
//! | `reach`, [`vacuum`] | rows removed, the graph mended, slots used again |
//! | [`retrain`] | codes for an index that grew from nothing |
//! | [`gated`], [`effort`], [`scan`] | the graph under its gate; what ways to rows cost; rows in order of distance, as many as wanted; all of them |
//! | [`check`], [`census`] | every invariant, and what there is |
//! | `mem`, `reorder` | the store in memory, and what the executor makes of a scan (feature `testing`) |
//!
//! # The idea
//!
//! What a graph index does most is to look at a node's neighbours. Here a node carries a short code of
//! each, so that a single page yields estimates of the distances to all of them, and only those worth
//! it are visited: one page a hop, where others read one a neighbour. The idea is NGT-QG's and
//! SymphonyQG's (Gou et al., SIGMOD 2025). A search begins at the best of a sample of the nodes, whose codes lie on a
//! tree of pages of two levels, the entry tree.
//!
//! What was measured, and chosen by it, is told in `docs/`.
//!

mod arena;
pub mod basis;
pub mod build;
pub mod census;
pub mod check;
mod directory;
pub mod effort;
mod entries;
pub mod error;
pub mod estimator;
pub mod filter;
pub mod gated;
pub mod graph;
pub mod index;
pub mod insert;
pub mod layout;
mod link;
mod listed;
#[cfg(feature = "testing")]
pub mod mem;
mod near;
pub mod node_set;
pub mod page_graph;
pub mod query;
pub mod random;
mod reach;
#[cfg(feature = "testing")]
pub mod reorder;
mod rescue;
pub mod retrain;
pub mod rounded;
mod samples;
pub mod scan;
pub mod search;
pub mod select;
pub mod signature;
pub mod sort;
pub mod space;
pub mod spool;
pub mod store;
mod sweep;
pub mod threads;
mod tids;
mod training;
pub mod vacuum;
mod vectors;
pub mod zone;
