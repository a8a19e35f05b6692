//! A page of the filter directory.

use std::mem::size_of;
use std::ops::Range;

use bytemuck::{cast_slice, cast_slice_mut};

use super::format::{Factors, LINKED_HEADER, LOGGED_BYTES, Pointer};
use super::page::Page;
use super::shape::Shape;

/// Where things are on a page of the directory.
#[derive(Clone, Copy)]
struct Places {
    /// Most entries.
    most: usize,
    words: usize,
    factors: usize,
    codes: usize,
}

impl Places {
    fn of(shape: &Shape) -> Self {
        let most = shape.listed();
        let words = LINKED_HEADER + most * size_of::<Pointer>();
        let factors = words + most * shape.columns * size_of::<u64>();
        Self {
            most,
            words,
            factors,
            codes: factors + most * size_of::<Factors>(),
        }
    }
}

impl Shape {
    /// Entries of a page of the filter directory.
    pub fn listed(&self) -> usize {
        let entry = size_of::<Pointer>()
            + self.columns * size_of::<u64>()
            + size_of::<Factors>()
            + self.code_bytes;
        (LOGGED_BYTES - LINKED_HEADER) / entry
    }

    /// Where a page of the filter directory has its words.
    pub fn listed_words(&self) -> Range<usize> {
        let places = Places::of(self);
        places.words..places.factors
    }
}

/// The entries of a page of the filter directory.
#[derive(Clone, Copy)]
pub struct Listing<'p> {
    /// Nodes.
    pub pointers: &'p [Pointer],
    /// Words, column by column, of as many entries as there can be.
    words: &'p [u64],
    most: usize,
    /// Factors of the nodes' codes.
    pub factors: &'p [Factors],
    /// The codes.
    pub codes: &'p [u8],
}

impl<'p> Listing<'p> {
    /// The words of a column.
    #[inline]
    pub fn words(&self, column: usize) -> &'p [u64] {
        &self.words[column * self.most..][..self.pointers.len()]
    }
}

impl Page {
    /// The entries of a page of the filter directory.
    pub fn listing(&self, shape: &Shape) -> Listing<'_> {
        let places = Places::of(shape);
        let count = self.count().min(places.most);
        let bytes = self.bytes();
        let of = |from: usize, len: usize| &bytes[from..from + len];
        Listing {
            pointers: cast_slice(of(LINKED_HEADER, count * size_of::<Pointer>())),
            words: cast_slice(of(places.words, places.factors - places.words)),
            most: places.most,
            factors: cast_slice(of(places.factors, count * size_of::<Factors>())),
            codes: of(places.codes, count * shape.code_bytes),
        }
    }

    /// Adds an entry to a page of the filter directory, or returns false when it is full. `code` is of no account where
    /// `factors` say that there is none.
    pub fn push_listed(
        &mut self,
        shape: &Shape,
        pointer: Pointer,
        words: &[u64],
        factors: Factors,
        code: &[u8],
    ) -> bool {
        let (places, at) = (Places::of(shape), self.count());
        if at >= places.most {
            return false;
        }
        self.set_count(at + 1);
        let pointers = LINKED_HEADER + at * size_of::<Pointer>();
        self.logged_mut()[pointers..][..size_of::<Pointer>()]
            .copy_from_slice(bytemuck::bytes_of(&pointer));
        let all: &mut [u64] = cast_slice_mut(&mut self.logged_mut()[places.words..places.factors]);
        for (column, &word) in words.iter().enumerate() {
            all[column * places.most + at] = word;
        }
        self.set_listed_code(shape, at, factors, code);
        true
    }

    /// Sets the code of an entry of a page of the filter directory.
    pub fn set_listed_code(&mut self, shape: &Shape, at: usize, factors: Factors, code: &[u8]) {
        let places = Places::of(shape);
        let bytes = self.logged_mut();
        bytes[places.factors + at * size_of::<Factors>()..][..size_of::<Factors>()]
            .copy_from_slice(bytemuck::bytes_of(&factors));
        if factors.coded() {
            bytes[places.codes + at * shape.code_bytes..][..shape.code_bytes].copy_from_slice(code);
        }
    }

    /// Keeps the entries of a page of the filter directory that `keep` says yes to. Returns whether any went.
    pub fn retain_listed(&mut self, shape: &Shape, keep: impl Fn(Pointer) -> bool) -> bool {
        let listing = self.listing(shape);
        let count = listing.pointers.len();
        let kept: Vec<_> = (0..count)
            .filter(|&at| keep(listing.pointers[at]))
            .map(|at| {
                let words: Vec<u64> = (0..shape.columns)
                    .map(|column| listing.words(column)[at])
                    .collect();
                let code = listing.codes[at * shape.code_bytes..][..shape.code_bytes].to_vec();
                (listing.pointers[at], words, listing.factors[at], code)
            })
            .collect();
        if kept.len() == count {
            return false;
        }
        self.set_count(0);
        for (pointer, words, factors, code) in &kept {
            self.push_listed(shape, *pointer, words, *factors, code);
        }
        true
    }
}
