//! A page: its header, and what its kind has on it.

use std::mem::size_of;

use bytemuck::{cast_slice, from_bytes, from_bytes_mut};

use super::format::{
    CHAIN_BYTES, Factors, HEADER, INLINE_TIDS, Kind, LINKED_HEADER, LOGGED_BYTES, LeftOut, MAGIC,
    Meta, PAGE_BYTES, PageHeader, Pointer, Tid, VERSION,
};
use super::shape::Shape;
use super::slot::{Slot, SlotMut};
use crate::error::{Error, Result};

/// What a store leaves of a block beside its own header.
#[derive(Clone)]
#[repr(C, align(8))]
pub struct Page {
    bytes: [u8; PAGE_BYTES],
}

const _: () = assert!(size_of::<Page>() == PAGE_BYTES);

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

    /// Its number of entries, of a page that has such.
    pub(super) fn count(&self) -> usize {
        usize::from(self.header().count)
    }

    pub(super) fn set_count(&mut self, count: usize) {
        self.header_mut().count = count as u16;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is logged of it.
    pub(super) fn logged_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..LOGGED_BYTES]
    }

    /// The page is of this epoch from now on.
    pub fn set_epoch(&mut self, epoch: u16) {
        self.header_mut().epoch = epoch;
    }

    /// All of it, for a test to overwrite.
    #[cfg(feature = "testing")]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
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
            6 => Ok(Kind::Directory),
            7 => Ok(Kind::Summaries),
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

    /// Forgets all hints, as every commit does.
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

    /// Of a meta page: what scans have left out since it was last changed. A hint.
    pub fn left_out(&self) -> LeftOut {
        *from_bytes(&self.bytes[LOGGED_BYTES..][..size_of::<LeftOut>()])
    }

    pub(crate) fn count_left_out(&mut self, more: LeftOut) {
        let sum: &mut LeftOut =
            from_bytes_mut(&mut self.bytes[LOGGED_BYTES..][..size_of::<LeftOut>()]);
        sum.scans = sum.scans.wrapping_add(more.scans);
        sum.late = sum.late.wrapping_add(more.late);
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
