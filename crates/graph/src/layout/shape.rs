//! Where things are on a page of nodes, as it follows from the dimensions of the vectors, `m` and the number of further
//! columns.

use std::mem::size_of;

use kernels::quantize::Bits;

use super::format::{
    Factors, HEADER, LEVELS, LINKED_HEADER, LOGGED_BYTES, MAX_COLUMNS, MAX_M, MAX_SLOTS,
    OVERFLOW_TIDS, Pointer, Tid,
};
use crate::error::{Error, Result};

/// Bytes that slots, and vectors in them, are whole numbers of.
const WORD: usize = size_of::<u64>();

const _: () = {
    // CLIP's usual sizes: four nodes to a page, and three, with codes long enough for their spectrum.
    let Some(base) = Shape::fit(512, 16, 0) else {
        panic!()
    };
    assert!(base.slots == 4 && base.slot_bytes == 2032 && base.code_bytes == 34);
    let Some(large) = Shape::fit(768, 16, 0) else {
        panic!()
    };
    assert!(large.slots == 3 && large.slot_bytes == 2712 && large.code_bytes == 47);
    let Some(huge) = Shape::fit(1024, 16, 0) else {
        panic!()
    };
    assert!(huge.slots == 3 && huge.code_bytes == 39);
    // Further columns take room from the codes, not nodes from the page.
    let Some(filtered) = Shape::fit(512, 16, MAX_COLUMNS) else {
        panic!()
    };
    assert!(filtered.slots == 4 && filtered.code_bytes == 32);
};

/// Where things are in a slot: all that follows from `dims`, `m` and the number of further columns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shape {
    /// Dimensions of the vectors.
    pub dims: usize,
    /// Most edges of a node, `2m`.
    pub degree: usize,
    /// Further columns, each with a word in a node.
    pub columns: usize,
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
    /// Bytes of a code that one node more on the page must leave; shorter codes cost more page reads by their errors than
    /// fuller pages save.
    const ENOUGH_CODE: usize = 31;
    /// Bytes of the shortest code, on a page for one node.
    const LEAST_CODE: usize = 8;
    /// Longer codes are no better.
    const MOST_CODE: usize = 64;

    /// The shape for vectors of `dims` dimensions, up to `2m` edges a node, and so many further columns.
    ///
    /// # Errors
    /// When a node with the shortest of codes does not fit a page.
    pub fn new(dims: usize, m: usize, columns: usize) -> Result<Self> {
        for (name, value, min, max) in [("m", m, 2, MAX_M), ("columns", columns, 0, MAX_COLUMNS)] {
            if !(min..=max).contains(&value) {
                return Err(Error::Parameter {
                    name,
                    value,
                    min,
                    max,
                });
            }
        }
        Self::fit(dims, m, columns).ok_or_else(|| Error::TooManyDimensions {
            dims,
            m,
            limit: (1..dims)
                .rev()
                .find(|&dims| Self::fit(dims, m, columns).is_some())
                .unwrap_or(0),
        })
    }

    /// The most nodes a page that leave room for codes long enough.
    const fn fit(dims: usize, m: usize, columns: usize) -> Option<Self> {
        let degree = 2 * m;
        // Four bits for each dimension, and the cell.
        let full = dims.div_ceil(2) + 1;
        let most = least(full, Self::MOST_CODE);
        let mut slots = MAX_SLOTS;
        while slots > 0 {
            let slot_bytes = (LOGGED_BYTES - HEADER) / slots / WORD * WORD;
            let fixed = LEVELS
                + Self::vector_bytes(dims)
                + degree * (size_of::<u32>() + size_of::<u16>() + size_of::<Factors>())
                + size_of::<Factors>()
                + columns * WORD;
            if fixed < slot_bytes {
                let code = (slot_bytes - fixed) / (degree + 1);
                let wanted = match slots {
                    1 => Self::LEAST_CODE,
                    _ => Self::ENOUGH_CODE,
                };
                if code >= least(wanted, most) {
                    let code_bytes = least(code, most);
                    return Some(Self {
                        dims,
                        degree,
                        columns,
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
        dims.next_multiple_of(WORD)
    }

    pub(super) const fn ids(&self) -> usize {
        LEVELS + Self::vector_bytes(self.dims)
    }

    pub(super) const fn versions(&self) -> usize {
        self.ids() + 4 * self.degree
    }

    pub(super) const fn factors(&self) -> usize {
        self.versions() + 2 * self.degree
    }

    pub(super) const fn codes(&self) -> usize {
        self.factors() + 4 * self.degree
    }

    pub(super) const fn own(&self) -> usize {
        self.codes() + self.degree * self.code_bytes
    }

    pub(super) const fn words(&self) -> usize {
        self.slot_bytes - self.columns * WORD
    }

    /// TIDs of an overflow slot.
    pub fn overflow_tids(&self) -> usize {
        (self.slot_bytes - OVERFLOW_TIDS) / size_of::<Tid>()
    }

    /// The block and the slot of `id`.
    pub fn place(&self, id: u32) -> (u32, usize) {
        (id / self.slots as u32, id as usize % self.slots)
    }

    /// The block of `id`, and its slot's bytes there.
    pub(crate) fn at(&self, id: u32) -> (u32, std::ops::Range<usize>) {
        let (block, slot) = self.place(id);
        (block, self.range(slot))
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

    pub(super) fn range(&self, slot: usize) -> std::ops::Range<usize> {
        let start = HEADER + slot * self.slot_bytes;
        start..start + self.slot_bytes
    }

    pub(super) fn factors_at(&self) -> usize {
        LINKED_HEADER + self.entries * size_of::<Pointer>()
    }

    pub(super) fn codes_at(&self) -> usize {
        self.factors_at() + self.entries * size_of::<Factors>()
    }
}

const fn least(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}
