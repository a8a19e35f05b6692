//! Every byte on a page.
//!
//! A page is what lies between Postgres' own header and the end of the block; all of it is in use.
//! Numbers have the machine's byte order. A page of zeros is a page that nobody has written yet.
//!
//! ```text
//! every page   0  magic u16 | version u8 | kind u8 | epoch u16 | count u16
//!
//! meta         8  Meta
//!
//! nodes        8  slot, slot, ...            as many as `Shape::slots`; zeros are a free slot
//!   slot       0  SlotHeader                 version, state, number of edges, epochs, norm, TIDs
//!             40  own vector                 dims halves, padded to 8 bytes: the heap's own bits
//!                 edge ids                   2m u32
//!                 edge versions              2m u16
//!                 edge factors               2m (scale, bias) upper halves of single floats
//!                 edge codes                 2m codes
//!                 own factors, own code
//!   overflow   0  SlotHeader                 state OVERFLOW, next in the chain
//!             40  owner Pointer
//!             48  TIDs                       of rows equal to the owner's vector
//!
//! entries      8  next u32 | 0               root: pivots of leaf pages. leaf: sampled nodes
//!             16  pointers, factors, codes   arrays of `Shape::entries`
//!
//! basis        8  next u32 | bytes u32       a chain that holds `codes::Basis`
//!             16  bytes
//!
//! every page  end hints                      not logged: dead rows of the slots; what scans have left out
//! ```
//!
//! Invariants: an id is `block · slots + slot`, so 0, which would be on the meta page, means none. A
//! slot's version rises by one whenever it is freed, and a [`Pointer`] finds only the version it was
//! made for. Codes are of use only in the epoch they were made in: the page, the slot's own code and
//! the slot's edges each say theirs.

mod page;
mod slot;

use std::mem::size_of;

use bytemuck::{Pod, Zeroable, cast_slice};
use half::bf16;
use kernels::quantize::Bits;

use crate::error::{Error, Result};
pub use page::Page;
pub use slot::{Slot, SlotMut};

/// Bytes of a page: a block of 8 kB less Postgres' header of 24 bytes.
pub const PAGE_BYTES: usize = 8192 - 24;
/// Bytes at the end of a page that are not logged: what Postgres takes for unused space.
pub const HINT_BYTES: usize = 16;
/// Bytes of a page that are.
const LOGGED_BYTES: usize = PAGE_BYTES - HINT_BYTES;
/// First two bytes of every page.
pub const MAGIC: u16 = 0xC119;
/// Version of the format this crate reads and writes.
pub const VERSION: u8 = 2;
/// Most neighbours an upper bound of `m` allows: the number of edges, `2m`, fits one byte.
pub const MAX_M: usize = 100;
/// TIDs in a node's own slot.
pub const INLINE_TIDS: usize = 3;
/// Most slots of a page. Small vectors would fit more often, but a page is locked as a whole.
const MAX_SLOTS: usize = 32;

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
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct PageHeader {
    magic: u16,
    version: u8,
    kind: u8,
    epoch: u16,
    count: u16,
}

/// Bytes before a page's contents.
const HEADER: usize = size_of::<PageHeader>();
/// Bytes before the contents of a page that has a successor.
const LINKED_HEADER: usize = 16;
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

/// The scale of a code and the part of the distance that does not depend on the query.
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
    /// The [`crate::codes::Metric`] as a number.
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
    /// [`Adrift`] as a number.
    pub(crate) adrift: u16,
    pub(crate) unused: [u16; 3],
    /// Number of pages when vacuum last looked for such nodes.
    pub(crate) explored: u32,
    /// First page of the basis.
    pub basis: u32,
    /// First page of the roots of the directory of entry points.
    pub roots: u32,
    /// Number of nodes when the basis was learned.
    pub learned_from: u32,
    /// Where a search begins when the directory yields nothing.
    pub entry: Pointer,
    /// [`crate::codes::Basis::hash`] of the basis, 0 while there is none.
    pub basis_hash: u64,
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

/// Whether there may be nodes that no search can reach, which vacuum is to look for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u16)]
pub(crate) enum Adrift {
    /// None that anybody knows of.
    No = 0,
    /// There may be.
    Perhaps = 1,
    /// There may have been when vacuum began to look for them.
    Sought = 2,
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
    state: u8,
    degree: u8,
    /// Epoch of the own code, 0 for none.
    pub own_epoch: u16,
    /// Epoch of the edges' codes.
    pub edge_epoch: u16,
    /// Squared norm of the vector.
    pub norm_squared: f32,
    overflow_version: u16,
    tid_count: u16,
    overflow_id: u32,
    tids: [Tid; INLINE_TIDS],
    /// How often rows were removed, modulo 2¹⁶.
    removals: u16,
}

const SLOT_HEADER: usize = size_of::<SlotHeader>();
const OVERFLOW_TIDS: usize = SLOT_HEADER + size_of::<Pointer>();

const _: () = {
    assert!(size_of::<Page>() == PAGE_BYTES);
    assert!(HEADER == 8 && PAGE_BYTES.is_multiple_of(8));
    assert!(SLOT_HEADER == 40 && size_of::<Pointer>() == 8 && size_of::<Factors>() == 4);
    assert!(HEADER + size_of::<Meta>() <= LOGGED_BYTES);
    assert!(HINT_BYTES >= size_of::<LeftOut>() && 8 * HINT_BYTES >= MAX_SLOTS * INLINE_TIDS);
    assert!(2 * MAX_M <= u8::MAX as usize);
    // CLIP's usual sizes: three nodes to a page, and two, with codes long enough for their spectrum.
    let Some(base) = Shape::fit(512, 16) else {
        panic!()
    };
    assert!(base.slots == 3 && base.slot_bytes == 2712 && base.code_bytes == 40);
    let Some(large) = Shape::fit(768, 16) else {
        panic!()
    };
    assert!(large.slots == 2 && large.code_bytes == 64);
    let Some(huge) = Shape::fit(1024, 16) else {
        panic!()
    };
    assert!(huge.slots == 2 && huge.code_bytes == 48);
};

/// Where things are in a slot: all that follows from `dims` and `m`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shape {
    /// Dimensions of the vectors.
    pub dims: usize,
    /// Most edges of a node, `2m`.
    pub degree: usize,
    /// Slots of a page.
    pub slots: usize,
    /// Bytes of a code, the last of which is its cell.
    pub code_bytes: usize,
    /// Bytes of a slot.
    pub slot_bytes: usize,
    /// Entries of a root or leaf page.
    pub entries: usize,
}

impl Shape {
    /// Codes are padded to whole groups of this many bytes.
    const CODE_STEP: usize = 8;
    /// Bytes of a code that a second or third node on the page must leave; shorter codes cost more
    /// page reads by their errors than fuller pages save.
    const ENOUGH_CODE: usize = 40;
    /// Longer codes are no better.
    const MOST_CODE: usize = 64;

    /// The shape for vectors of `dims` dimensions and up to `2m` edges a node.
    ///
    /// # Errors
    /// When a node with the shortest of codes does not fit a page.
    pub fn new(dims: usize, m: usize) -> Result<Self> {
        if !(2..=MAX_M).contains(&m) {
            return Err(Error::Parameter {
                name: "m",
                value: m,
                min: 2,
                max: MAX_M,
            });
        }
        Self::fit(dims, m).ok_or_else(|| Error::TooManyDimensions {
            dims,
            m,
            limit: (1..dims)
                .rev()
                .find(|&dims| Self::fit(dims, m).is_some())
                .unwrap_or(0),
        })
    }

    /// The most nodes a page that leave room for codes long enough.
    const fn fit(dims: usize, m: usize) -> Option<Self> {
        let degree = 2 * m;
        let full = (dims.div_ceil(2) + 1).next_multiple_of(Self::CODE_STEP);
        let most = if full < Self::MOST_CODE {
            full
        } else {
            Self::MOST_CODE
        };
        let enough = if most < Self::ENOUGH_CODE {
            most
        } else {
            Self::ENOUGH_CODE
        };
        let mut slots = MAX_SLOTS;
        while slots > 0 {
            let slot_bytes = (LOGGED_BYTES - HEADER) / slots / 8 * 8;
            let fixed = SLOT_HEADER + Self::vector_bytes(dims) + degree * 10 + 4;
            if fixed < slot_bytes {
                let code = (slot_bytes - fixed) / (degree + 1) / Self::CODE_STEP * Self::CODE_STEP;
                if code >= enough || slots == 1 && code > 0 {
                    let code_bytes = if code < most { code } else { most };
                    return Some(Self {
                        dims,
                        degree,
                        slots,
                        code_bytes,
                        slot_bytes,
                        entries: (LOGGED_BYTES - LINKED_HEADER) / (12 + code_bytes),
                    });
                }
            }
            slots -= 1;
        }
        None
    }

    /// Elements of a code, of so many bits each.
    pub(crate) fn elements(&self, bits: Bits) -> usize {
        (self.code_bytes - 1) * bits.per_byte()
    }

    const fn vector_bytes(dims: usize) -> usize {
        (2 * dims).next_multiple_of(8)
    }

    const fn ids(&self) -> usize {
        SLOT_HEADER + Self::vector_bytes(self.dims)
    }

    const fn versions(&self) -> usize {
        self.ids() + 4 * self.degree
    }

    const fn factors(&self) -> usize {
        self.versions() + 2 * self.degree
    }

    const fn codes(&self) -> usize {
        self.factors() + 4 * self.degree
    }

    const fn own(&self) -> usize {
        self.codes() + self.degree * self.code_bytes
    }

    /// TIDs of an overflow slot.
    pub fn overflow_tids(&self) -> usize {
        (self.slot_bytes - OVERFLOW_TIDS) / size_of::<Tid>()
    }

    /// The block and the slot of `id`.
    pub fn place(&self, id: u32) -> (u32, usize) {
        (id / self.slots as u32, id as usize % self.slots)
    }

    /// The id of a slot.
    ///
    /// # Errors
    /// When the block is too high for ids of 32 bits.
    pub fn id(&self, block: u32, slot: usize) -> Result<u32> {
        block
            .checked_mul(self.slots as u32)
            .and_then(|first| first.checked_add(slot as u32))
            .ok_or(Error::Full { limit: 1 << 32 })
    }

    fn range(&self, slot: usize) -> std::ops::Range<usize> {
        let start = HEADER + slot * self.slot_bytes;
        start..start + self.slot_bytes
    }

    fn factors_at(&self) -> usize {
        LINKED_HEADER + self.entries * size_of::<Pointer>()
    }

    fn codes_at(&self) -> usize {
        self.factors_at() + self.entries * size_of::<Factors>()
    }
}
