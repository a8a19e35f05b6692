//! Estimates of distances from a point to codes ([`crate::basis`]).

use std::cell::RefCell;
use std::sync::Arc;

use half::f16;
use kernels::code_dots;
use kernels::quantize::{Codes, level_values};

use crate::basis::Basis;
use crate::layout::{Factors, widen_factors};
use crate::space::Metric;

/// What estimates are made from.
#[derive(Clone, Debug)]
enum Point {
    /// A vector.
    Exact {
        point: Vec<f32>,
        /// Its elements.
        along: Vec<f32>,
    },
    /// What a code tells of one.
    Code {
        cell: usize,
        /// Its squared distance from the cell's centre.
        squared: f32,
        /// Its elements, less the centre's.
        levels: Vec<i8>,
        scale: f32,
    },
}

/// Estimates distances to codes of one epoch.
#[derive(Clone, Debug)]
pub struct Estimator {
    basis: Arc<Basis>,
    point: Point,
    /// An estimate is this much of an estimated squared distance,
    factor: f32,
    /// and this.
    shift: f32,
    cells: RefCell<Cells>,
}

/// What an estimate needs of the cells that were met so far.
#[derive(Clone, Debug, Default)]
struct Cells {
    /// Where each cell's terms are, and one more where there are none yet.
    places: Vec<u8>,
    terms: Vec<Terms>,
    /// Elements of the differences of the point from the centres, rounded.
    levels: Vec<i8>,
}

const NOWHERE: u8 = u8::MAX;

/// The estimate for a code of a cell is `offset + factor · bias + slope · scale · (2 · dot - correction)`.
#[derive(Clone, Copy, Debug)]
struct Terms {
    offset: f32,
    slope: f32,
    correction: i32,
}

/// Room for the steps of an estimate, kept between calls.
#[derive(Default)]
pub struct Scratch {
    which: Vec<u8>,
    dots: Vec<i32>,
    factors: Vec<f32>,
}

impl Estimator {
    /// Estimates distances from `vector` to nodes: those of a query, or those between nodes.
    pub(crate) fn new(
        basis: &Arc<Basis>,
        vector: &[f16],
        norm_squared: f32,
        is_node: bool,
    ) -> Self {
        let space = basis.space();
        let point = if is_node {
            space.node(vector, norm_squared)
        } else {
            space.query(vector, norm_squared)
        };
        let (factor, shift) = match space.metric {
            Metric::L2 => (1.0, 0.0),
            Metric::Cosine => (0.5, 0.0),
            Metric::InnerProduct if is_node => {
                (0.5, -space.reach - space.excess(norm_squared) / 2.0)
            }
            Metric::InnerProduct => {
                let stretch = space.stretch(norm_squared);
                let norms = kernels::norm_squared(&point) + space.reach;
                (0.5 / stretch, -norms / 2.0 / stretch)
            }
        };
        Self {
            point: Point::Exact {
                along: basis.project(&point),
                point,
            },
            basis: basis.clone(),
            factor,
            shift,
            cells: RefCell::default(),
        }
    }

    /// Estimates distances between nodes, from what a code tells of one. Two such estimates compare with
    /// each other, but not with a distance from an exact vector.
    pub(crate) fn of_code(basis: &Arc<Basis>, factors: Factors, code: &[u8]) -> Self {
        let (code, cell) = split(basis, code);
        let mut levels = vec![0; basis.width()];
        level_values(basis.bits(), code, &mut levels);
        let metric = basis.space().metric;
        Self {
            point: Point::Code {
                cell,
                squared: factors.bias() * basis.unit(),
                levels,
                scale: factors.scale(),
            },
            basis: basis.clone(),
            factor: if metric == Metric::L2 { 1.0 } else { 0.5 },
            shift: match metric {
                Metric::InnerProduct => -basis.space().reach,
                Metric::Cosine | Metric::L2 => 0.0,
            },
            cells: RefCell::default(),
        }
    }

    /// The epoch of the codes it is for.
    pub fn epoch(&self) -> u16 {
        self.basis.epoch()
    }

    /// Appends the estimated distance to each of the codes that lie one after the other in `codes`,
    /// not a number where there is no code.
    pub fn estimate(
        &self,
        factors: &[Factors],
        codes: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<f32>,
    ) {
        let Some(stride) = codes.len().checked_div(factors.len()) else {
            return;
        };
        let mut cells = self.cells.borrow_mut();
        scratch.which.clear();
        scratch.which.extend(
            codes
                .chunks_exact(stride)
                .map(|code| self.place(&mut cells, split(&self.basis, code).1)),
        );
        let codes = Codes::new(self.basis.bits(), stride - 1, stride, codes);
        scratch.dots.resize(factors.len(), 0);
        code_dots(codes, &cells.levels, &scratch.which, &mut scratch.dots);
        widen_factors(factors, &mut scratch.factors);
        let factors = scratch.factors.chunks_exact(2);
        let bias = self.factor * self.basis.unit();
        out.extend(scratch.dots.iter().zip(&scratch.which).zip(factors).map(
            |((&dot, &which), factors)| {
                let terms = &cells.terms[usize::from(which)];
                let product = (2 * dot - terms.correction) as f32;
                terms.offset + bias * factors[1] + terms.slope * factors[0] * product
            },
        ));
    }

    /// [`estimate`](Self::estimate) for one code.
    pub fn estimate_one(&self, factors: Factors, code: &[u8]) -> f32 {
        let mut cells = self.cells.borrow_mut();
        let place = self.place(&mut cells, split(&self.basis, code).1);
        let codes = Codes::new(self.basis.bits(), code.len() - 1, code.len(), code);
        let mut dot = [0];
        code_dots(codes, &cells.levels, &[place], &mut dot);
        let terms = &cells.terms[usize::from(place)];
        let product = (2 * dot[0] - terms.correction) as f32;
        let bias = self.factor * self.basis.unit() * factors.bias();
        terms.offset + bias + terms.slope * factors.scale() * product
    }

    /// The squared distance in the [space](crate::space) that an estimate, or a distance, tells of.
    pub(crate) fn squared(&self, distance: f32) -> f32 {
        (distance - self.shift) / self.factor
    }

    /// Where the terms of a cell are, worked out when it is met for the first time.
    #[inline]
    fn place(&self, cells: &mut Cells, cell: usize) -> u8 {
        match cells.places.get(cell) {
            Some(&place) if place != NOWHERE => place,
            _ => self.meet(cells, cell),
        }
    }

    #[cold]
    fn meet(&self, cells: &mut Cells, cell: usize) -> u8 {
        let basis = &*self.basis;
        let from = cells.levels.len();
        let (squared, step) = match &self.point {
            Point::Exact { point, along } => {
                let difference = along.iter().zip(basis.along(cell)).map(|(x, y)| x - y);
                let squared = kernels::l2_squared(point.as_slice(), basis.centre(cell));
                (
                    squared,
                    round(&difference.collect::<Vec<_>>(), &mut cells.levels),
                )
            }
            Point::Code {
                cell: own,
                squared,
                levels,
                scale,
            } if *own == cell => {
                cells.levels.extend_from_slice(levels);
                (*squared, *scale)
            }
            Point::Code {
                cell: own,
                squared,
                levels,
                scale,
            } => {
                let centres = basis.along(*own).iter().zip(basis.along(cell));
                let between: Vec<f32> = centres.map(|(x, y)| x - y).collect();
                let rest: Vec<f32> = levels.iter().map(|&x| scale * f32::from(x)).collect();
                let product = kernels::dot(&between, &rest) * basis.unit();
                let squared = basis.between(*own, cell) + squared + 2.0 * product;
                let elements = between.iter().zip(&rest).map(|(x, y)| x + y);
                (
                    squared,
                    round(&elements.collect::<Vec<_>>(), &mut cells.levels),
                )
            }
        };
        let sum: i32 = cells.levels[from..].iter().map(|&x| i32::from(x)).sum();
        cells.terms.push(Terms {
            offset: self.factor * squared + self.shift,
            slope: -2.0 * self.factor * basis.unit() * step,
            correction: i32::from(basis.bits().top()) * sum,
        });
        if cells.places.is_empty() {
            cells.places.resize(basis.cells(), NOWHERE);
        }
        // There are fewer cells than a byte has values.
        let place = (cells.terms.len() - 1) as u8;
        cells.places[cell] = place;
        place
    }
}

/// Appends `elements` in whole steps, and returns the step.
fn round(elements: &[f32], levels: &mut Vec<i8>) -> f32 {
    // Adding it leaves a whole number in the lowest bits: several at a time, where rounding is a call.
    const ROUNDER: f32 = 1.5 * (1 << 23) as f32;
    let top = elements.iter().fold(0f32, |top, x| top.max(x.abs()));
    let step = if top > 0.0 { top / 127.0 } else { 1.0 };
    let factor = 1.0 / step;
    levels.extend(
        elements
            .iter()
            .map(|x| (x * factor + ROUNDER).to_bits() as i8),
    );
    step
}

/// The elements of a code, and its cell; that of bytes which are none is of no account.
#[inline]
fn split<'c>(basis: &Basis, code: &'c [u8]) -> (&'c [u8], usize) {
    let (elements, cell) = code.split_at(code.len() - 1);
    (elements, usize::from(cell[0]).min(basis.cells() - 1))
}
