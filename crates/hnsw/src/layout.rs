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
//!                 edge factors               2m (scale, bias) halves
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
//! every page  end hints                      not logged: dead rows of the slots; scans that were truncated
//! ```
//!
//! Invariants: an id is `block · slots + slot`, so 0, which would be on the meta page, means none. A
//! slot's version rises by one whenever it is freed, and a [`Pointer`] finds only the version it was
//! made for. Codes are of use only in the epoch they were made in: the page, the slot's own code and
//! the slot's edges each say theirs.

use std::mem::size_of;

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut, from_bytes, from_bytes_mut};
use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use kernels::quantize::Bits;

use crate::error::{Error, Result};

/// Bytes of a page: a block of 8 kB less Postgres' header of 24 bytes.
pub const PAGE_BYTES: usize = 8192 - 24;
/// Bytes at the end of a page that are not logged: what Postgres takes for unused space.
pub const HINT_BYTES: usize = 16;
/// Bytes of a page that are.
const LOGGED_BYTES: usize = PAGE_BYTES - HINT_BYTES;
/// First two bytes of every page.
pub const MAGIC: u16 = 0xC119;
/// Version of the format this crate reads and writes.
pub const VERSION: u8 = 1;
/// Most neighbours an upper bound of `m` allows: the number of edges, `2m`, fits one byte.
pub const MAX_M: usize = 100;
/// TIDs in a node's own slot.
pub const INLINE_TIDS: usize = 3;
/// Most slots of a page. Small vectors would fit more often, but a page is locked as a whole.
const MAX_SLOTS: usize = 32;

/// What lies between Postgres' header and the end of a block.
#[derive(Clone)]
#[repr(C, align(8))]
pub struct Page {
    bytes: [u8; PAGE_BYTES],
}

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
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Factors {
    scale: u16,
    bias: u16,
}

impl Factors {
    /// Of an edge without a code.
    pub const UNCODED: Self = Self {
        scale: 0x7e00,
        bias: 0,
    };

    /// Rounds both to halves, saturating.
    pub fn new(scale: f32, bias: f32) -> Self {
        let half = |x: f32| f16::from_f32(x.clamp(-65504.0, 65504.0)).to_bits();
        Self {
            scale: half(scale),
            bias: half(bias),
        }
    }

    /// The scale, not a number where there is no code.
    pub fn scale(self) -> f32 {
        f16::from_bits(self.scale).to_f32()
    }

    /// The part of the distance that does not depend on the query.
    pub fn bias(self) -> f32 {
        f16::from_bits(self.bias).to_f32()
    }

    /// Whether there is a code.
    pub fn coded(self) -> bool {
        self.scale & 0x7fff <= 0x7c00
    }
}

/// Scales and biases, in turns, widened into `out`.
pub(crate) fn widen_factors(factors: &[Factors], out: &mut Vec<f32>) {
    out.resize(2 * factors.len(), 0.0);
    let bits: &[u16] = cast_slice(factors);
    let halves: &[f16] = bits.reinterpret_cast();
    halves.convert_to_f32_slice(out);
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
    pub(crate) unused: [u16; 3],
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
    assert!(HINT_BYTES >= size_of::<u32>() && 8 * HINT_BYTES >= MAX_SLOTS * INLINE_TIDS);
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

impl Default for Page {
    fn default() -> Self {
        Self {
            bytes: [0; PAGE_BYTES],
        }
    }
}

impl Page {
    fn header(&self) -> &PageHeader {
        from_bytes(&self.bytes[..HEADER])
    }

    fn header_mut(&mut self) -> &mut PageHeader {
        from_bytes_mut(&mut self.bytes[..HEADER])
    }

    /// Bytes before the zeros and the hints at the end.
    pub fn used_bytes(&self) -> usize {
        let words: &[u64] = cast_slice(&self.bytes[..LOGGED_BYTES]);
        let last = words.iter().rposition(|&word| word != 0);
        last.map_or(0, |last| (last + 1) * size_of::<u64>())
    }

    /// Makes it an empty page of `kind`.
    pub fn init(&mut self, kind: Kind, epoch: u16) {
        self.bytes.fill(0);
        *self.header_mut() = PageHeader {
            magic: MAGIC,
            version: VERSION,
            kind: kind as u8,
            epoch,
            count: 0,
        };
    }

    /// What it holds.
    ///
    /// # Errors
    /// When it is neither new nor of this format.
    pub fn kind(&self, block: u32) -> Result<Kind> {
        let header = self.header();
        if header.magic != MAGIC {
            return if self.bytes.iter().all(|&byte| byte == 0) {
                Ok(Kind::New)
            } else {
                Err(Error::corrupt(
                    block,
                    format!("bad magic {:#x}", header.magic),
                ))
            };
        }
        match header.kind {
            _ if header.version != VERSION => Err(Error::Version {
                found: header.version,
                expected: VERSION,
            }),
            1 => Ok(Kind::Meta),
            2 => Ok(Kind::Nodes),
            3 => Ok(Kind::Basis),
            4 => Ok(Kind::Root),
            5 => Ok(Kind::Leaf),
            kind => Err(Error::corrupt(
                block,
                format!("unknown kind {kind} of page"),
            )),
        }
    }

    /// Whether it holds slots.
    #[inline]
    pub fn has_slots(&self) -> bool {
        let header = self.header();
        header.magic == MAGIC && header.kind == Kind::Nodes as u8
    }

    /// The epoch of a page of codes.
    pub fn epoch(&self) -> u16 {
        self.header().epoch
    }

    /// The contents of a meta page.
    pub fn meta(&self) -> Result<&Meta> {
        let header = self.header();
        if header.magic != MAGIC || header.kind != Kind::Meta as u8 {
            return Err(Error::Magic {
                found: header.magic,
            });
        }
        if header.version != VERSION {
            return Err(Error::Version {
                found: header.version,
                expected: VERSION,
            });
        }
        Ok(from_bytes(&self.bytes[HEADER..HEADER + size_of::<Meta>()]))
    }

    /// The contents of a meta page, which the caller has found to be one.
    pub fn meta_mut(&mut self) -> &mut Meta {
        from_bytes_mut(&mut self.bytes[HEADER..HEADER + size_of::<Meta>()])
    }

    /// A slot of a page of nodes.
    #[inline]
    pub fn slot(&self, shape: &Shape, slot: usize) -> Slot<'_> {
        Slot {
            shape: *shape,
            bytes: &self.bytes[shape.range(slot)],
            dead: self.dead(slot),
        }
    }

    /// Forgets all hints, as every logged change does.
    pub fn clear_hints(&mut self) {
        self.bytes[LOGGED_BYTES..].fill(0);
    }

    /// Bits of the rows in a slot that are marked dead.
    #[inline]
    fn dead(&self, slot: usize) -> u8 {
        let hints: &[u8] = &self.bytes[LOGGED_BYTES..];
        (0..INLINE_TIDS).fold(0, |dead, at| {
            let bit = slot * INLINE_TIDS + at;
            dead | (hints[bit / 8] >> (bit % 8) & 1) << at
        })
    }

    /// Marks a row dead that a slot holds itself: no transaction can see it any more. Returns whether it
    /// is there. A hint.
    pub(crate) fn mark_dead(&mut self, shape: &Shape, slot: usize, row: Tid) -> bool {
        let now = self.slot(shape, slot);
        let inline = now.tids().iter().take(INLINE_TIDS);
        let Some(at) = inline.copied().position(|tid| tid == row) else {
            return false;
        };
        let bit = slot * INLINE_TIDS + at;
        self.bytes[LOGGED_BYTES + bit / 8] |= 1 << (bit % 8);
        true
    }

    /// Of a meta page: scans that their limits ended since it was last changed. A hint.
    pub fn truncated_scans(&self) -> u32 {
        *from_bytes(&self.bytes[LOGGED_BYTES..][..size_of::<u32>()])
    }

    pub(crate) fn count_truncated_scan(&mut self) {
        let count: &mut u32 = from_bytes_mut(&mut self.bytes[LOGGED_BYTES..][..size_of::<u32>()]);
        *count = count.wrapping_add(1);
    }

    /// A slot of a page of nodes.
    pub fn slot_mut(&mut self, shape: &Shape, slot: usize) -> SlotMut<'_> {
        SlotMut {
            shape: *shape,
            bytes: &mut self.bytes[shape.range(slot)],
        }
    }

    /// The page after this one in its chain, 0 for none.
    pub fn next(&self) -> u32 {
        *from_bytes(&self.bytes[8..12])
    }

    /// Links the page after this one.
    pub fn set_next(&mut self, block: u32) {
        self.bytes[8..12].copy_from_slice(&block.to_ne_bytes());
    }

    /// The bytes of a page of a basis.
    pub fn chunk(&self) -> &[u8] {
        let len: u32 = *from_bytes(&self.bytes[12..16]);
        &self.bytes[LINKED_HEADER..LINKED_HEADER + (len as usize).min(CHAIN_BYTES)]
    }

    /// Sets the bytes of a page of a basis.
    pub fn set_chunk(&mut self, bytes: &[u8]) {
        self.bytes[12..16].copy_from_slice(&(bytes.len() as u32).to_ne_bytes());
        self.bytes[LINKED_HEADER..LINKED_HEADER + bytes.len()].copy_from_slice(bytes);
    }

    /// The pointers, factors and codes of a root or leaf page.
    pub fn entries(&self, shape: &Shape) -> (&[Pointer], &[Factors], &[u8]) {
        let count = usize::from(self.header().count).min(shape.entries);
        let (factors, codes) = (shape.factors_at(), shape.codes_at());
        (
            cast_slice(&self.bytes[LINKED_HEADER..LINKED_HEADER + count * size_of::<Pointer>()]),
            cast_slice(&self.bytes[factors..factors + count * size_of::<Factors>()]),
            &self.bytes[codes..codes + count * shape.code_bytes],
        )
    }

    /// Adds an entry to a root or leaf page, or returns false when it is full.
    pub fn push_entry(
        &mut self,
        shape: &Shape,
        pointer: Pointer,
        factors: Factors,
        code: &[u8],
    ) -> bool {
        let count = usize::from(self.header().count);
        if count >= shape.entries {
            return false;
        }
        self.header_mut().count += 1;
        self.set_entry(shape, count, pointer, factors, code);
        true
    }

    fn set_entry(
        &mut self,
        shape: &Shape,
        at: usize,
        pointer: Pointer,
        factors: Factors,
        code: &[u8],
    ) {
        let mut put = |at: usize, bytes: &[u8]| {
            self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(
            LINKED_HEADER + at * size_of::<Pointer>(),
            bytemuck::bytes_of(&pointer),
        );
        put(
            shape.factors_at() + at * size_of::<Factors>(),
            bytemuck::bytes_of(&factors),
        );
        put(shape.codes_at() + at * shape.code_bytes, code);
    }

    /// Keeps the entries of a leaf page that `keep` says yes to. Returns whether any went.
    pub fn retain_entries(&mut self, shape: &Shape, keep: impl Fn(Pointer) -> bool) -> bool {
        let (pointers, factors, codes) = self.entries(shape);
        let kept: Vec<_> = (0..pointers.len())
            .filter(|&i| keep(pointers[i]))
            .map(|i| {
                let code = codes[i * shape.code_bytes..][..shape.code_bytes].to_vec();
                (pointers[i], factors[i], code)
            })
            .collect();
        let changed = kept.len() < pointers.len();
        if changed {
            self.header_mut().count = kept.len() as u16;
            for (at, (pointer, factors, code)) in kept.iter().enumerate() {
                self.set_entry(shape, at, *pointer, *factors, code);
            }
        }
        changed
    }
}

/// A slot that can be read.
#[derive(Clone, Copy)]
pub struct Slot<'p> {
    shape: Shape,
    bytes: &'p [u8],
    dead: u8,
}

impl<'p> Slot<'p> {
    /// Its first bytes.
    #[inline]
    pub fn header(&self) -> &'p SlotHeader {
        from_bytes(&self.bytes[..SLOT_HEADER])
    }

    /// What it holds; an unknown state, which [`crate::check`] reports, counts as free.
    #[inline]
    pub fn state(&self) -> State {
        match self.header().state {
            1 => State::Live,
            2 => State::Dying,
            3 => State::Overflow,
            4 => State::Closed,
            _ => State::Free,
        }
    }

    /// Whether its state is one that this version knows.
    pub fn state_is_known(&self) -> bool {
        self.header().state <= State::Closed as u8
    }

    /// Whether it holds a vector and has `version`.
    #[inline]
    pub fn is_node(&self, version: u16) -> bool {
        self.header().version == version && matches!(self.state(), State::Live | State::Dying)
    }

    /// The vector.
    #[inline]
    pub fn vector(&self) -> &'p [f16] {
        let bits: &[u16] = cast_slice(&self.bytes[SLOT_HEADER..SLOT_HEADER + 2 * self.shape.dims]);
        bits.reinterpret_cast()
    }

    /// Requests what a visit reads of it.
    #[inline]
    pub(crate) fn prefetch(&self) {
        kernels::prefetch::all(&self.bytes[SLOT_HEADER..self.shape.own()]);
    }

    /// Number of edges.
    #[inline]
    pub fn degree(&self) -> usize {
        usize::from(self.header().degree).min(self.shape.degree)
    }

    /// The slots its edges lead to.
    #[inline]
    pub fn ids(&self) -> &'p [u32] {
        cast_slice(&self.bytes[self.shape.ids()..][..4 * self.degree()])
    }

    /// The versions its edges were made for.
    #[inline]
    pub fn versions(&self) -> &'p [u16] {
        cast_slice(&self.bytes[self.shape.versions()..][..2 * self.degree()])
    }

    /// Its edges.
    #[inline]
    pub fn edges(&self) -> impl ExactSizeIterator<Item = Pointer> + use<'p> {
        self.ids()
            .iter()
            .zip(self.versions())
            .map(|(&id, &version)| Pointer::new(id, version))
    }

    /// The factors of its edges' codes.
    #[inline]
    pub fn factors(&self) -> &'p [Factors] {
        cast_slice(&self.bytes[self.shape.factors()..][..4 * self.degree()])
    }

    /// Its edges' codes.
    #[inline]
    pub fn codes(&self) -> &'p [u8] {
        &self.bytes[self.shape.codes()..][..self.degree() * self.shape.code_bytes]
    }

    /// Its own code.
    #[inline]
    pub fn own(&self) -> (Factors, &'p [u8]) {
        let own = &self.bytes[self.shape.own()..];
        (*from_bytes(&own[..4]), &own[4..4 + self.shape.code_bytes])
    }

    /// The overflow slot with more rows.
    pub fn overflow(&self) -> Pointer {
        let header = self.header();
        Pointer::new(header.overflow_id, header.overflow_version)
    }

    /// The node that an overflow slot belongs to.
    pub fn owner(&self) -> Pointer {
        *from_bytes(&self.bytes[SLOT_HEADER..OVERFLOW_TIDS])
    }

    /// Bits of the rows that are marked dead.
    #[inline]
    pub(crate) fn dead(&self) -> u8 {
        self.dead
    }

    /// Whether all of its rows are marked dead.
    #[inline]
    pub(crate) fn is_dead(&self) -> bool {
        let rows = self.tids().len();
        self.dead != 0 && self.header().overflow_id == 0 && u32::from(self.dead) + 1 == 1 << rows
    }

    /// How often rows were removed from it, modulo 2¹⁶.
    pub fn removals(&self) -> u16 {
        self.header().removals
    }

    /// The rows in this slot.
    pub fn tids(&self) -> &'p [Tid] {
        let header = self.header();
        let count = usize::from(header.tid_count);
        match self.state() {
            State::Live => &header.tids[..count.min(INLINE_TIDS)],
            State::Overflow => {
                let count = count.min(self.shape.overflow_tids());
                cast_slice(&self.bytes[OVERFLOW_TIDS..][..count * size_of::<Tid>()])
            }
            State::Free | State::Dying | State::Closed => &[],
        }
    }
}

/// A slot that can be written.
pub struct SlotMut<'p> {
    shape: Shape,
    bytes: &'p mut [u8],
}

impl SlotMut<'_> {
    /// The slot as it is now.
    pub fn get(&self) -> Slot<'_> {
        Slot {
            shape: self.shape,
            bytes: self.bytes,
            dead: 0,
        }
    }

    /// Its first bytes.
    pub fn header_mut(&mut self) -> &mut SlotHeader {
        from_bytes_mut(&mut self.bytes[..SLOT_HEADER])
    }

    /// Sets the state.
    pub fn set_state(&mut self, state: State) {
        self.header_mut().state = state as u8;
    }

    /// Makes it a live node without edges or rows. The version stays.
    pub fn init_node(&mut self, vector: &[f16], norm_squared: f32) {
        let version = self.get().header().version;
        self.bytes.fill(0);
        *self.header_mut() = SlotHeader {
            version,
            state: State::Live as u8,
            norm_squared,
            ..SlotHeader::zeroed()
        };
        let bits: &[u16] = vector.reinterpret_cast();
        let bytes: &[u8] = cast_slice(bits);
        self.bytes[SLOT_HEADER..SLOT_HEADER + bytes.len()].copy_from_slice(bytes);
    }

    /// Makes it an overflow slot without rows. The version stays.
    pub fn init_overflow(&mut self, owner: Pointer, next: Pointer) {
        let version = self.get().header().version;
        self.bytes.fill(0);
        *self.header_mut() = SlotHeader {
            version,
            state: State::Overflow as u8,
            ..SlotHeader::zeroed()
        };
        self.set_overflow(next);
        self.bytes[SLOT_HEADER..OVERFLOW_TIDS].copy_from_slice(bytemuck::bytes_of(&owner));
    }

    /// Makes it a free slot of the next version.
    pub fn free(&mut self) {
        let version = self.get().header().version.wrapping_add(1);
        self.bytes.fill(0);
        self.header_mut().version = version;
    }

    /// Sets the overflow slot with more rows.
    pub fn set_overflow(&mut self, next: Pointer) {
        let header = self.header_mut();
        header.overflow_id = next.id;
        header.overflow_version = next.version;
    }

    /// Adds a row, or returns false when there is no room.
    pub fn push_tid(&mut self, tid: Tid) -> bool {
        let count = self.get().tids().len();
        let room = match self.get().state() {
            State::Live => INLINE_TIDS,
            State::Overflow => self.shape.overflow_tids(),
            State::Free | State::Dying | State::Closed => 0,
        };
        if count < room {
            self.set_tid(count, tid);
            self.header_mut().tid_count += 1;
        }
        count < room
    }

    fn set_tid(&mut self, at: usize, tid: Tid) {
        if self.get().state() == State::Overflow {
            let at = OVERFLOW_TIDS + at * size_of::<Tid>();
            self.bytes[at..at + size_of::<Tid>()].copy_from_slice(bytemuck::bytes_of(&tid));
        } else {
            self.header_mut().tids[at] = tid;
        }
    }

    /// Removes the rows that `dead` says yes to and returns how many.
    pub fn remove_tids(&mut self, mut dead: impl FnMut(Tid) -> bool) -> usize {
        let kept: Vec<Tid> = self
            .get()
            .tids()
            .iter()
            .copied()
            .filter(|&tid| !dead(tid))
            .collect();
        let removed = self.get().tids().len() - kept.len();
        if removed > 0 {
            for (at, &tid) in kept.iter().enumerate() {
                self.set_tid(at, tid);
            }
            let header = self.header_mut();
            header.tid_count = kept.len() as u16;
            header.removals = header.removals.wrapping_add(1);
        }
        removed
    }

    /// Sets the own code.
    pub fn set_own(&mut self, epoch: u16, factors: Factors, code: &[u8]) {
        self.header_mut().own_epoch = epoch;
        let own = &mut self.bytes[self.shape.own()..];
        own[..4].copy_from_slice(bytemuck::bytes_of(&factors));
        own[4..4 + code.len()].copy_from_slice(code);
    }

    /// Sets the number of edges, all of which the caller sets.
    pub fn set_degree(&mut self, degree: usize) {
        self.header_mut().degree = degree as u8;
    }

    /// Sets one of the edges. `code` is of no account where `factors` say that there is none.
    pub fn set_edge(&mut self, at: usize, to: Pointer, factors: Factors, code: &[u8]) {
        let shape = self.shape;
        let ids: &mut [u32] = cast_slice_mut(&mut self.bytes[shape.ids()..][..4 * shape.degree]);
        ids[at] = to.id;
        let versions: &mut [u16] =
            cast_slice_mut(&mut self.bytes[shape.versions()..][..2 * shape.degree]);
        versions[at] = to.version;
        self.set_edge_code(at, factors, code);
    }

    /// Removes one of the edges; the last one takes its place.
    pub fn remove_edge(&mut self, at: usize) {
        let (shape, last) = (self.shape, self.get().degree() - 1);
        for (start, size) in [
            (shape.ids(), 4),
            (shape.versions(), 2),
            (shape.factors(), 4),
            (shape.codes(), shape.code_bytes),
        ] {
            let from = start + size * last;
            self.bytes.copy_within(from..from + size, start + size * at);
        }
        self.set_degree(last);
    }

    /// Sets the code of one of the edges.
    pub fn set_edge_code(&mut self, at: usize, factors: Factors, code: &[u8]) {
        let shape = self.shape;
        self.bytes[shape.factors() + 4 * at..][..4].copy_from_slice(bytemuck::bytes_of(&factors));
        if factors.coded() {
            self.bytes[shape.codes() + at * shape.code_bytes..][..shape.code_bytes]
                .copy_from_slice(code);
        }
    }
}
