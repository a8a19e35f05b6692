//! A slot: a node, or rows that did not fit one.

use std::mem::size_of;

use bytemuck::{Zeroable, cast_slice, cast_slice_mut, from_bytes, from_bytes_mut};
use half::f16;

use super::format::{
    Factors, INLINE_TIDS, LEVELS, OVERFLOW_TIDS, PEAKS, Pointer, SLOT_HEADER, SlotHeader, State,
    Tid,
};
use super::shape::Shape;
use crate::filter;
use crate::rounded::{Rounded, RoundedRef};

/// A slot that can be read.
#[derive(Clone, Copy)]
pub struct Slot<'p> {
    pub(super) shape: Shape,
    pub(super) bytes: &'p [u8],
    pub(super) dead: u8,
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

    /// Whether it is a node that has `version`, and rows.
    #[inline]
    pub fn is_live(&self, version: u16) -> bool {
        self.header().version == version && self.state() == State::Live
    }

    /// The vector.
    #[inline]
    pub fn rounded(&self) -> RoundedRef<'p> {
        let [scale, error] = *from_bytes(&self.bytes[SLOT_HEADER..PEAKS]);
        RoundedRef {
            scale,
            error,
            peaks: from_bytes(&self.bytes[PEAKS..LEVELS]),
            levels: cast_slice(&self.bytes[LEVELS..][..self.shape.dims]),
        }
    }

    /// The words of the further columns.
    #[inline]
    pub fn words(&self) -> &'p [u64] {
        cast_slice(&self.bytes[self.shape.words()..])
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
    pub(super) shape: Shape,
    pub(super) bytes: &'p mut [u8],
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
        self.init_rounded(Rounded::of(vector).get(), norm_squared);
    }

    /// [`init_node`](Self::init_node) of a vector that is rounded already.
    pub fn init_rounded(&mut self, rounded: RoundedRef<'_>, norm_squared: f32) {
        let version = self.get().header().version;
        self.bytes.fill(0);
        *self.header_mut() = SlotHeader {
            version,
            state: State::Live as u8,
            norm_squared,
            ..SlotHeader::zeroed()
        };
        let levels: &[u8] = cast_slice(rounded.levels);
        self.bytes[SLOT_HEADER..PEAKS]
            .copy_from_slice(bytemuck::bytes_of(&[rounded.scale, rounded.error]));
        self.bytes[PEAKS..LEVELS].copy_from_slice(bytemuck::bytes_of(rounded.peaks));
        self.bytes[LEVELS..LEVELS + levels.len()].copy_from_slice(levels);
    }

    /// Sets the words of the further columns, of which there are as many.
    pub fn set_words(&mut self, words: &[u64]) {
        self.bytes[self.shape.words()..].copy_from_slice(cast_slice(words));
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
        let capacity = match self.get().state() {
            State::Live => INLINE_TIDS,
            State::Overflow => self.shape.overflow_tids(),
            State::Free | State::Dying | State::Closed => 0,
        };
        if count < capacity {
            self.set_tid(count, tid);
            self.header_mut().tid_count += 1;
        }
        count < capacity
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

    /// Has the words of the filter columns say of one row more. Returns whether they say something else now.
    pub fn merge_words(&mut self, words: &[u64]) -> bool {
        let own = self.get().words();
        let merged: Vec<u64> = own
            .iter()
            .zip(words)
            .map(|(&own, &other)| filter::merge(own, other))
            .collect();
        let changed = merged != own;
        if changed {
            self.set_words(&merged);
        }
        changed
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
