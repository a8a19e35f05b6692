//! Every byte on a page.
//!
//! A page is what a store leaves of a block beside its own header ([`crate::store::PageStore::PAGE_BYTES`]); all of it
//! is in use. Numbers have the machine's byte order. A page of zeros is a page that nobody has written yet.
//!
//! ```text
//! every page   0  magic u16 | version u8 | kind u8 | epoch u16 | count u16
//!
//! meta         8  Meta
//!
//! nodes        8  slot, slot, ...            as many as `Shape::slots`; zeros are a free slot
//!   slot       0  SlotHeader                 version, state, number of edges, epochs, norm, TIDs
//!             40  scale f32 | error f32      of the own vector
//!             48  largest elements           four: at u16 | value f16
//!             64  own vector                 dims levels of a byte, padded to 8 bytes
//!                 edge ids                   2m u32
//!                 edge versions              2m u16
//!                 edge factors               2m (scale, bias) upper halves of single floats
//!                 edge codes                 2m codes
//!                 own factors, own code
//!            end  words                      of the filter columns, 8 bytes each, see `filter`
//!   overflow   0  SlotHeader                 state OVERFLOW, next in the chain
//!             40  owner Pointer
//!             48  TIDs                       of rows equal to the owner's vector
//!
//! entries      8  next u32 | 0               root: pivots of leaf pages. leaf: entry points
//!             16  pointers, factors, codes   arrays of `Shape::entries`
//!
//! directory    8  next u32 | 0               of every node, once or more, its words; a chain, but for pages with summaries
//!             16  pointers                   arrays of `Shape::listed`
//!                 words                      column by column
//!                 factors, codes
//!
//! summaries    8  next u32 | 0               a chain: of pages of the directory
//!             16  blocks u32                 arrays of `Shape::summarized`
//!                 spreads f32                mean squared distances of a page's nodes from their mean
//!                 zones                      column by column: least u64, most u64, marks u64
//!                 factors, codes             of the means
//!
//! basis        8  next u32 | bytes u32       a chain that holds `basis::Basis`
//!             16  bytes
//!
//! every page  end hints                      not logged: dead rows of the slots; what scans have left out
//! ```
//!
//! Invariants: an id is `block · slots + slot`, so 0, which would be on the meta page, means none. A
//! slot's version rises by one whenever it is freed, and a [`Pointer`] finds only the version it was
//! made for. Codes are of use only in the epoch they were made in: the page, the slot's own code and
//! the slot's edges each say theirs.

mod format;
mod listing;
mod page;
mod shape;
mod slot;
mod summary;

pub(crate) use format::{CHAIN_BYTES, Unreachable, widen_factors};
pub use format::{
    Factors, HINT_BYTES, INLINE_TIDS, Kind, LeftOut, MAGIC, MAX_COLUMNS, MAX_M, Meta, PAGE_BYTES,
    Pointer, SlotHeader, State, Tid, VERSION,
};
pub use listing::Listing;
pub use page::Page;
pub use shape::Shape;
pub use slot::{Slot, SlotMut};
pub use summary::{Summaries, Summary};
