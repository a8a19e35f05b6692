//! A page of summaries of pages of the filter directory.

use std::mem::size_of;
use std::ops::Range;

use bytemuck::{bytes_of, cast_slice, cast_slice_mut};

use super::format::{Factors, LINKED_HEADER, LOGGED_BYTES};
use super::page::Page;
use super::shape::Shape;
use crate::zone::Zone;

/// Words of a zone.
const ZONE: usize = 3;

/// What there is on a page of the filter directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The page.
    pub block: u32,
    /// The mean squared distance of its nodes' points from their mean.
    pub spread: f32,
    /// Of the code of the mean.
    pub factors: Factors,
    /// The code of the mean; of no account where `factors` say that there is none.
    pub code: Box<[u8]>,
    /// The words of each column.
    pub zones: Vec<Zone>,
}

/// Where things are on a page of summaries.
#[derive(Clone, Copy)]
struct Places {
    /// Most entries.
    most: usize,
    spreads: usize,
    zones: usize,
    factors: usize,
    codes: usize,
}

impl Places {
    fn of(shape: &Shape) -> Self {
        let most = shape.summarized();
        let spreads = LINKED_HEADER + most * size_of::<u32>();
        let zones = spreads + most * size_of::<f32>();
        let factors = zones + most * shape.columns * ZONE * size_of::<u64>();
        Self {
            most,
            spreads,
            zones,
            factors,
            codes: factors + most * size_of::<Factors>(),
        }
    }
}

impl Shape {
    /// Entries of a page of summaries.
    pub fn summarized(&self) -> usize {
        let entry = size_of::<u32>()
            + size_of::<f32>()
            + self.columns * ZONE * size_of::<u64>()
            + size_of::<Factors>()
            + self.code_bytes;
        (LOGGED_BYTES - LINKED_HEADER) / entry
    }

    /// Where a page of summaries has its zones.
    pub fn summary_zones(&self) -> Range<usize> {
        let places = Places::of(self);
        places.zones..places.factors
    }
}

/// The entries of a page of summaries.
#[derive(Clone, Copy)]
pub struct Summaries<'p> {
    /// The pages that they are of.
    pub blocks: &'p [u32],
    /// Mean squared distances of these pages' nodes from their means.
    pub spreads: &'p [f32],
    zones: &'p [u64],
    most: usize,
    /// Factors of the means' codes.
    pub factors: &'p [Factors],
    /// The codes.
    pub codes: &'p [u8],
}

impl Summaries<'_> {
    /// The words of a column on one of the pages.
    #[inline]
    pub fn zone(&self, column: usize, at: usize) -> Zone {
        let from = ZONE * self.most * column;
        let part = |number: usize| self.zones[from + number * self.most + at];
        Zone {
            least: part(0),
            most: part(1),
            marks: part(2),
        }
    }
}

impl Page {
    /// The entries of a page of summaries.
    pub fn summaries(&self, shape: &Shape) -> Summaries<'_> {
        let places = Places::of(shape);
        let count = self.count().min(places.most);
        let bytes = self.bytes();
        let of = |from: usize, len: usize| &bytes[from..from + len];
        Summaries {
            blocks: cast_slice(of(LINKED_HEADER, count * size_of::<u32>())),
            spreads: cast_slice(of(places.spreads, count * size_of::<f32>())),
            zones: cast_slice(of(places.zones, places.factors - places.zones)),
            most: places.most,
            factors: cast_slice(of(places.factors, count * size_of::<Factors>())),
            codes: of(places.codes, count * shape.code_bytes),
        }
    }

    /// Adds an entry to a page of summaries, or returns false when it is full.
    pub fn push_summary(&mut self, shape: &Shape, summary: &Summary) -> bool {
        let (places, at) = (Places::of(shape), self.count());
        if at >= places.most {
            return false;
        }
        self.set_count(at + 1);
        let bytes = self.logged_mut();
        bytes[LINKED_HEADER + at * size_of::<u32>()..][..size_of::<u32>()]
            .copy_from_slice(bytes_of(&summary.block));
        let all: &mut [u64] = cast_slice_mut(&mut bytes[places.zones..places.factors]);
        for (column, zone) in summary.zones.iter().enumerate() {
            for (number, part) in [zone.least, zone.most, zone.marks].into_iter().enumerate() {
                all[(ZONE * column + number) * places.most + at] = part;
            }
        }
        self.set_mean(shape, at, summary.spread, summary.factors, &summary.code);
        true
    }

    /// Sets what an entry of a page of summaries says of the mean.
    pub fn set_mean(
        &mut self,
        shape: &Shape,
        at: usize,
        spread: f32,
        factors: Factors,
        code: &[u8],
    ) {
        let places = Places::of(shape);
        let bytes = self.logged_mut();
        bytes[places.spreads + at * size_of::<f32>()..][..size_of::<f32>()]
            .copy_from_slice(bytes_of(&spread));
        bytes[places.factors + at * size_of::<Factors>()..][..size_of::<Factors>()]
            .copy_from_slice(bytes_of(&factors));
        if factors.coded() {
            bytes[places.codes + at * shape.code_bytes..][..shape.code_bytes].copy_from_slice(code);
        }
    }
}
