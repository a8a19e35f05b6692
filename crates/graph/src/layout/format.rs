//! The records that pages are made of: headers, pointers, factors, and the numbers that the format consists of.

use std::mem::size_of;

use bytemuck::{Pod, Zeroable, cast_slice};
use half::bf16;

use crate::rounded::{self, Peak};

/// Bytes of a page. What a store makes its pages from, [`crate::store::PageStore::PAGE_BYTES`], is checked against it.
pub const PAGE_BYTES: usize = 8168;
/// Bytes at the end of a page that hold hints, which no store logs.
pub const HINT_BYTES: usize = 16;
/// Bytes of a page that are.
pub(super) const LOGGED_BYTES: usize = PAGE_BYTES - HINT_BYTES;
/// First two bytes of every page.
pub const MAGIC: u16 = 0xC119;
/// Version of the format this crate reads and writes.
pub const VERSION: u8 = 4;
/// Most further columns.
pub const MAX_COLUMNS: usize = 8;
/// The largest `m`: the number of edges of a node, `2m`, fits one byte.
pub const MAX_M: usize = 100;
/// TIDs in a node's own slot.
pub const INLINE_TIDS: usize = 3;
/// Most slots of a page. Small vectors would fit more often, but a page is locked as a whole.
pub(super) const MAX_SLOTS: usize = 32;

/// What a page holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Kind {
    /// Zeros.
    New = 0,
    /// The first page.
    Meta = 1,
    /// Slots.
    Nodes = 2,
    /// Part of the basis of the codes.
    Basis = 3,
    /// Pivots.
    Root = 4,
    /// Entry points.
    Leaf = 5,
    /// Words of nodes.
    Directory = 6,
    /// What there is on pages of words.
    Summaries = 7,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct PageHeader {
    pub(super) magic: u16,
    pub(super) version: u8,
    pub(super) kind: u8,
    pub(super) epoch: u16,
    pub(super) count: u16,
}

/// Bytes before a page's contents.
pub(super) const HEADER: usize = size_of::<PageHeader>();
/// Bytes before the contents of a page that has a successor.
pub(super) const LINKED_HEADER: usize = 16;
/// Bytes that a page of a basis holds.
pub(crate) const CHAIN_BYTES: usize = LOGGED_BYTES - LINKED_HEADER;

/// A row of the heap: its block and line number.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Pod, Zeroable)]
#[repr(C)]
pub struct Tid([u16; 3]);

impl Tid {
    /// The row at `offset` of `block`.
    pub fn new(block: u32, offset: u16) -> Self {
        Self([(block >> 16) as u16, block as u16, offset])
    }

    /// Its block.
    pub fn block(self) -> u32 {
        u32::from(self.0[0]) << 16 | u32::from(self.0[1])
    }

    /// Its line number in the block.
    pub fn offset(self) -> u16 {
        self.0[2]
    }
}

/// A slot, as it was when the pointer was made.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Pointer {
    /// `block · slots + slot`, 0 for none.
    pub id: u32,
    /// The slot's version.
    pub version: u16,
    unused: u16,
}

impl Pointer {
    /// Points nowhere.
    pub const NONE: Self = Self::new(0, 0);

    /// The slot `id` while it has `version`.
    pub const fn new(id: u32, version: u16) -> Self {
        Self {
            id,
            version,
            unused: 0,
        }
    }

    /// Whether it points anywhere.
    pub fn is_some(self) -> bool {
        self.id != 0
    }
}

/// What goes with a code: its scale, and the part of a distance that does not depend on the query.
///
/// Both are in units of the basis: `scale · (2c - top)` is the coordinate that level `c` of an element stands for, and
/// `bias` the squared distance of the vector from the centre of its cell, less what its norm exceeds the space's reach by.
/// An edge whose node has no code of the epoch is [`UNCODED`](Self::UNCODED).
///
/// Both are the upper halves of single floats: what codes lose is ten times what these lose by rounding, but
/// vectors of one index may differ in length by any factor, and their squares by its square.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Factors {
    scale: u16,
    bias: u16,
}

impl Factors {
    /// Of an edge without a code.
    pub const UNCODED: Self = Self {
        scale: 0x7fc0,
        bias: 0,
    };

    /// Rounds both, saturating.
    pub fn new(scale: f32, bias: f32) -> Self {
        let most = bf16::MAX.to_f32();
        let upper = |x: f32| bf16::from_f32(x.clamp(-most, most)).to_bits();
        Self {
            scale: upper(scale),
            bias: upper(bias),
        }
    }

    /// The scale, not a number where there is no code.
    pub fn scale(self) -> f32 {
        widen(self.scale)
    }

    /// The part of the distance that does not depend on the query.
    pub fn bias(self) -> f32 {
        widen(self.bias)
    }

    /// Whether there is a code.
    pub fn coded(self) -> bool {
        self.scale & 0x7fff <= 0x7f80
    }
}

#[inline]
fn widen(upper: u16) -> f32 {
    f32::from_bits(u32::from(upper) << 16)
}

/// Scales and biases, in turns, widened into `out`.
pub(crate) fn widen_factors(factors: &[Factors], out: &mut Vec<f32>) {
    let upper: &[u16] = cast_slice(factors);
    out.clear();
    out.extend(upper.iter().map(|&upper| widen(upper)));
}

/// The contents of block 0.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Meta {
    /// Dimensions of the vectors.
    pub dims: u16,
    /// Half the number of edges of a node.
    pub m: u16,
    /// Candidates of an insertion.
    pub ef_construction: u16,
    /// The [`crate::space::Metric`] as a number.
    pub metric: u8,
    /// Slots of a page, which ids depend on.
    pub slots: u8,
    /// Bytes of a code.
    pub code_bytes: u16,
    /// Number of the basis in use; 0 while there is none.
    pub epoch: u16,
    /// The epoch that all codes have been brought to, once.
    pub recoded: u16,
    /// The epoch of a basis whose pages are being written, which this page does not name yet; 0 for none. Where that
    /// was cut short, they are of no use to anybody.
    pub unfinished: u16,
    /// [`Unreachable`] as a number.
    pub(crate) unreachable: u16,
    /// Filter columns.
    pub columns: u16,
    /// First page of the summaries of the filter directory, 0 while there are none.
    pub summaries: u32,
    /// Number of pages when vacuum last looked for such nodes.
    pub(crate) explored: u32,
    /// First page of the basis.
    pub basis: u32,
    /// First page of the roots of the entry tree.
    pub roots: u32,
    /// First page of the filter directory's chain, 0 while there is none.
    pub directory: u32,
    /// A page of that to add entries to, or to those after it.
    pub room: u32,
    /// Number of nodes when the basis was learned.
    pub trained_on: u32,
    /// Where a search begins when the entry tree yields nothing.
    pub entry: Pointer,
    /// [`crate::basis::Basis::hash`] of the basis, 0 while there is none.
    pub basis_hash: u64,
    /// Nodes that are listed in the directory on pages with summaries.
    pub summarized: u32,
    pub(crate) unused: u32,
}

/// What scans have left out: hints on the meta page.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct LeftOut {
    /// Scans that their limits ended.
    pub scans: u32,
    /// Vectors that scans in strict order found, or passed over, when a farther one had been returned.
    pub late: u32,
}

/// Whether there may be live nodes that no search can reach, which vacuum is to look for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u16)]
pub(crate) enum Unreachable {
    /// None that anybody knows of.
    None = 0,
    /// There may be some.
    Possible = 1,
    /// There may have been some when vacuum began to look for them.
    Searching = 2,
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum State {
    /// Nothing.
    Free = 0,
    /// A vector and at least one row.
    Live = 1,
    /// A vector whose rows are gone. Searches pass through it until the graph has been mended.
    Dying = 2,
    /// Rows that did not fit their node.
    Overflow = 3,
    /// No rows any more, and none may be added.
    Closed = 4,
}

/// The first bytes of a slot.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct SlotHeader {
    /// How often the slot was freed, modulo 2¹⁶.
    pub version: u16,
    pub(super) state: u8,
    pub(super) degree: u8,
    /// Epoch of the own code, 0 for none.
    pub own_epoch: u16,
    /// Epoch of the edges' codes.
    pub edge_epoch: u16,
    /// Squared norm of the vector before it was rounded.
    pub norm_squared: f32,
    pub(super) overflow_version: u16,
    pub(super) tid_count: u16,
    pub(super) overflow_id: u32,
    pub(super) tids: [Tid; INLINE_TIDS],
    /// How often rows were removed, modulo 2¹⁶.
    pub(super) removals: u16,
}

pub(super) const SLOT_HEADER: usize = size_of::<SlotHeader>();
/// Bytes of a slot before the peaks of its vector: the header, the scale and the error.
pub(super) const PEAKS: usize = SLOT_HEADER + 2 * size_of::<f32>();
/// And before its levels.
pub(super) const LEVELS: usize = PEAKS + size_of::<[Peak; rounded::PEAKS]>();
pub(super) const OVERFLOW_TIDS: usize = SLOT_HEADER + size_of::<Pointer>();

const _: () = {
    assert!(HEADER == 8 && PAGE_BYTES.is_multiple_of(8));
    assert!(SLOT_HEADER == 40 && size_of::<Pointer>() == 8 && size_of::<Factors>() == 4);
    assert!(HEADER + size_of::<Meta>() <= LOGGED_BYTES);
    assert!(HINT_BYTES >= size_of::<LeftOut>() && 8 * HINT_BYTES >= MAX_SLOTS * INLINE_TIDS);
    assert!(2 * MAX_M <= u8::MAX as usize);
};
