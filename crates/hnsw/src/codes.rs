//! Short codes of vectors, and estimates of distances from them.
//!
//! A vector is centred on the mean of a sample and projected on the sample's principal directions,
//! as many as a code has elements. A fixed random rotation of these spreads the energy evenly, since
//! all elements of a code have the same step, and a few bits are kept of each
//! ([`kernels::quantize`]). How many is decided by the sample: four bits of few directions where these
//! have nearly all of the energy, down to one bit of many where the spectrum is flat.
//!
//! Two factors go with a code: its scale, and the part of the distance that does not depend on the
//! query, which is known exactly. With `u = x - mean`, `v = q - mean`:
//!
//! | metric | distance | bias of `x` | what the code estimates |
//! |---|---|---|---|
//! | cosine, both of norm 1 | `1 - q·x = |v|²/2 + |u|²/2 - v·u` | `|u|²/2` | `v·u` |
//! | L2 squared | `|v|² + |u|² - 2 v·u` | `|u|²` | `v·u` |
//! | inner product | `-q·x = -q·mean - mean·u - v·u` | `-mean·u` | `v·u` |
//!
//! Everything is in units of the sample's mean `|u|²`, so that halves hold the factors at any scale
//! of the data.

use std::sync::Arc;

use bytemuck::cast_slice;
use half::f16;
use half::slice::HalfFloatSliceExt;
use kernels::quantize::{Bits, dots, level_values, quantize};

use crate::error::{Error, Result};
use crate::layout::{Factors, Shape, widen_factors};
use crate::random::Random;

/// Rounds of subspace iteration, after which the directions that matter are found to well below the
/// error of four bits.
const ROUNDS: usize = 6;

/// What a distance is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Metric {
    /// `1 - cos`.
    Cosine = 1,
    /// `-q·x`.
    InnerProduct = 2,
    /// `|q - x|²`; its root is what a user sees.
    L2 = 3,
}

impl Metric {
    /// The metric of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Cosine, Self::InnerProduct, Self::L2]
            .into_iter()
            .find(|&metric| metric as u8 == number)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine distance",
            Self::InnerProduct => "inner product",
            Self::L2 => "L2 distance",
        }
    }

    /// The distance of two vectors whose squared norms are known, by the SQL operators' own kernels.
    #[inline]
    pub fn distance(self, a: &[f16], a_norm: f32, b: &[f16], b_norm: f32) -> f64 {
        match self {
            Self::Cosine => kernels::cosine_distance_from(kernels::dot(a, b), a_norm, b_norm),
            Self::InnerProduct => -f64::from(kernels::dot(a, b)),
            Self::L2 => f64::from(kernels::l2_squared(a, b)),
        }
    }

    /// `v·u` times this is what a distance loses.
    fn slope(self) -> f32 {
        match self {
            Self::Cosine | Self::InnerProduct => 1.0,
            Self::L2 => 2.0,
        }
    }

    /// The vector whose codes are made: of norm 1 where only the direction counts.
    pub(crate) fn prepare(self, vector: &[f16], norm_squared: f32) -> Vec<f32> {
        let mut wide = vec![0.0; vector.len()];
        vector.convert_to_f32_slice(&mut wide);
        if self == Self::Cosine {
            let factor = 1.0 / norm_squared.sqrt();
            wide.iter_mut().for_each(|x| *x *= factor);
        }
        wide
    }
}

/// What turns vectors into codes, learned from a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    metric: Metric,
    epoch: u16,
    bits: Bits,
    /// Mean of the sample.
    mean: Vec<f32>,
    /// Rotated principal directions, one for each element of a code, divided by the unit's root.
    rows: Vec<f32>,
    /// Mean squared distance of the sample from its mean.
    unit: f32,
    mean_squared: f32,
    hash: u64,
}

/// A code with its factors.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// Scale and bias.
    pub factors: Factors,
    /// The elements.
    pub bytes: Box<[u8]>,
}

impl Basis {
    /// Learns from a sample of [prepared](Metric) vectors, one after the other.
    ///
    /// Subspace iteration (Golub, Van Loan: Matrix Computations, §8.2.4) from a random start.
    pub fn learn(metric: Metric, shape: &Shape, epoch: u16, sample: &[f32]) -> Self {
        let dims = shape.dims;
        let count = (sample.len() / dims).max(1) as f32;
        let mut mean = vec![0f32; dims];
        for x in sample.chunks_exact(dims) {
            add(&mut mean, x, 1.0 / count);
        }
        let centred: Vec<f32> = sample
            .chunks_exact(dims)
            .flat_map(|x| x.iter().zip(&mean).map(|(x, mean)| x - mean))
            .collect();
        let total: f64 = centred.iter().map(|x| f64::from(x * x)).sum();
        let unit = ((total / f64::from(count)) as f32).max(f32::MIN_POSITIVE * 1e6);

        let mut random = Random::new(0x636c_6970);
        let rank = Self::most_directions(shape);
        let mut rows: Vec<f32> = (0..rank * dims).map(|_| random.normal()).collect();
        orthonormalise(&mut rows, dims, &mut random);
        let mut along = vec![0f32; rank];
        // Where four bits of every direction fit, their order is of no account.
        let all = dims <= shape.code_bytes * Bits::Four.per_byte();
        for _ in 0..if all { 0 } else { ROUNDS } {
            let mut next = vec![0f32; rank * dims];
            for x in centred.chunks_exact(dims) {
                project(&rows, x, &mut along);
                for (row, &along) in next.chunks_exact_mut(dims).zip(&along) {
                    add(row, x, along);
                }
            }
            rows = next;
            orthonormalise(&mut rows, dims, &mut random);
        }
        // The directions come out in the order of their energy.
        let mut energy = vec![0f64; rank];
        for x in centred.chunks_exact(dims) {
            project(&rows, x, &mut along);
            for (energy, along) in energy.iter_mut().zip(&along) {
                *energy += f64::from(along * along);
            }
        }
        let keeps = |bits: Bits| {
            let width = shape.code_bytes * bits.per_byte();
            energy.iter().take(width).sum::<f64>() * f64::from(1.0 - bits.distortion())
        };
        let bits = Bits::ALL
            .into_iter()
            .reduce(|best, bits| {
                if keeps(bits) > keeps(best) {
                    bits
                } else {
                    best
                }
            })
            .unwrap_or(Bits::Four);
        let width = shape.code_bytes * bits.per_byte();
        let rank = rank.min(width);
        rows.truncate(rank * dims);
        // Zeros pad the code where it has more elements than there are dimensions.
        let mut rotation: Vec<f32> = (0..rank * rank).map(|_| random.normal()).collect();
        orthonormalise(&mut rotation, rank, &mut random);
        let mut rotated = vec![0f32; width * dims];
        let scale = 1.0 / unit.sqrt();
        for (row, weights) in rotated
            .chunks_exact_mut(dims)
            .zip(rotation.chunks_exact(rank))
        {
            for (direction, &weight) in rows.chunks_exact(dims).zip(weights) {
                add(row, direction, weight * scale);
            }
        }
        // Stored as halves: rounding here, what is learned and what is read back are the same.
        rotated
            .iter_mut()
            .for_each(|x| *x = f16::from_f32(*x * unit.sqrt()).to_f32() * scale);
        Self::assemble(metric, epoch, bits, mean, rotated, unit)
    }

    fn most_directions(shape: &Shape) -> usize {
        (shape.code_bytes * Bits::One.per_byte()).min(shape.dims)
    }

    /// Bytes that learning from a sample of `count` vectors takes, the sample included.
    pub(crate) fn learning_bytes(shape: &Shape, count: usize) -> usize {
        let vectors = 2 * count + 3 * Self::most_directions(shape);
        vectors * shape.dims * size_of::<f32>()
    }

    fn assemble(
        metric: Metric,
        epoch: u16,
        bits: Bits,
        mean: Vec<f32>,
        rows: Vec<f32>,
        unit: f32,
    ) -> Self {
        let mean_squared = kernels::norm_squared(&mean) / unit;
        let mut basis = Self {
            metric,
            epoch,
            bits,
            mean,
            rows,
            unit,
            mean_squared,
            hash: 0,
        };
        // Equal numbers make another basis for another metric.
        basis.hash = hash(&basis.to_bytes()) ^ u64::from(metric as u8);
        basis
    }

    /// Its number.
    pub fn epoch(&self) -> u16 {
        self.epoch
    }

    /// Tells its contents from those of any other basis, for all practical purposes.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Bits of an element of a code.
    pub fn bits(&self) -> Bits {
        self.bits
    }

    /// What is stored of it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let root = self.unit.sqrt();
        let rows: Vec<u16> = self
            .rows
            .iter()
            .map(|&x| f16::from_f32(x * root).to_bits())
            .collect();
        let mut bytes = (self.bits as u32).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&self.unit.to_ne_bytes());
        bytes.extend_from_slice(cast_slice(&self.mean));
        bytes.extend_from_slice(cast_slice(&rows));
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(crate) fn from_bytes(
        metric: Metric,
        shape: &Shape,
        epoch: u16,
        block: u32,
        bytes: &[u8],
    ) -> Result<Self> {
        let dims = shape.dims;
        let bits = Bits::ALL.into_iter().find(|&bits| {
            let width = shape.code_bytes * bits.per_byte();
            bytes.starts_with(&(bits as u32).to_ne_bytes())
                && bytes.len() == 8 + 4 * dims + 2 * width * dims
        });
        let Some(bits) = bits else {
            return Err(Error::corrupt(block, "basis of codes has a wrong length"));
        };
        let single = |b: &[u8]| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]);
        let unit = single(&bytes[4..]);
        let mean = bytes[8..][..4 * dims].chunks_exact(4).map(single).collect();
        let scale = 1.0 / unit.sqrt();
        let rows = bytes[8 + 4 * dims..]
            .chunks_exact(2)
            .map(|b| f16::from_ne_bytes([b[0], b[1]]).to_f32() * scale)
            .collect();
        Ok(Self::assemble(metric, epoch, bits, mean, rows, unit))
    }

    fn centre(&self, prepared: &[f32]) -> Vec<f32> {
        prepared
            .iter()
            .zip(&self.mean)
            .map(|(x, mean)| x - mean)
            .collect()
    }

    fn rotate(&self, centred: &[f32]) -> Vec<f32> {
        let mut along = vec![0.0; self.rows.len() / self.mean.len()];
        project(&self.rows, centred, &mut along);
        along
    }

    /// The code of a vector of this squared norm.
    pub fn encode(&self, vector: &[f16], norm_squared: f32) -> Code {
        let centred = self.centre(&self.metric.prepare(vector, norm_squared));
        let values = self.rotate(&centred);
        let mut bytes = vec![0; values.len() / self.bits.per_byte()].into_boxed_slice();
        let scale = quantize(self.bits, &values, &mut bytes);
        let bias = match self.metric {
            Metric::Cosine => kernels::norm_squared(&centred) / 2.0,
            Metric::L2 => kernels::norm_squared(&centred),
            Metric::InnerProduct => -kernels::dot(&self.mean, &centred),
        };
        Code {
            factors: Factors::new(scale, bias / self.unit),
            bytes,
        }
    }

    /// Estimates distances from `vector` to codes.
    pub fn probe(&self, vector: &[f16], norm_squared: f32) -> Probe {
        let prepared = self.metric.prepare(vector, norm_squared);
        let centred = self.centre(&prepared);
        let values = self.rotate(&centred);
        let top = values.iter().fold(0f32, |top, x| top.max(x.abs()));
        let step = if top > 0.0 { top / 127.0 } else { 1.0 };
        let levels: Vec<i8> = values.iter().map(|x| (x / step).round() as i8).collect();
        let offset = match self.metric {
            Metric::Cosine => kernels::norm_squared(&centred) / 2.0,
            Metric::L2 => kernels::norm_squared(&centred),
            Metric::InnerProduct => -kernels::dot(&self.mean, &prepared),
        };
        self.probe_of(levels, step, offset / self.unit)
    }

    /// Estimates distances from one code to others. Two of these compare with each other, but not with
    /// a distance from an exact vector.
    pub fn probe_code(&self, factors: Factors, code: &[u8]) -> Probe {
        let mut levels = vec![0; self.bits.per_byte() * code.len()];
        level_values(self.bits, code, &mut levels);
        let offset = match self.metric {
            Metric::Cosine | Metric::L2 => 0.0,
            Metric::InnerProduct => -self.mean_squared,
        };
        self.probe_of(levels, factors.scale(), offset + factors.bias())
    }

    fn probe_of(&self, levels: Vec<i8>, step: f32, offset: f32) -> Probe {
        let sum: i32 = levels.iter().map(|&level| i32::from(level)).sum();
        Probe {
            epoch: self.epoch,
            bits: self.bits,
            correction: i32::from(self.bits.top()) * sum,
            levels,
            offset: offset * self.unit,
            bias: self.unit,
            slope: -self.metric.slope() * step * self.unit,
        }
    }
}

/// Estimates distances to codes of one epoch.
#[derive(Clone, Debug)]
pub struct Probe {
    epoch: u16,
    bits: Bits,
    levels: Vec<i8>,
    correction: i32,
    offset: f32,
    bias: f32,
    slope: f32,
}

/// Room for the steps of an estimate, kept between calls.
#[derive(Default)]
pub struct Scratch {
    dots: Vec<i32>,
    factors: Vec<f32>,
}

impl Probe {
    /// The epoch of the codes it is for.
    pub fn epoch(&self) -> u16 {
        self.epoch
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
        scratch.dots.resize(factors.len(), 0);
        dots(self.bits, &self.levels, codes, &mut scratch.dots);
        widen_factors(factors, &mut scratch.factors);
        out.extend(
            scratch
                .dots
                .iter()
                .zip(scratch.factors.chunks_exact(2))
                .map(|(&dot, factors)| {
                    let product = (2 * dot - self.correction) as f32;
                    self.offset + self.bias * factors[1] + self.slope * factors[0] * product
                }),
        );
    }

    /// [`estimate`](Self::estimate) for one code.
    pub fn estimate_one(&self, factors: Factors, code: &[u8]) -> f32 {
        let mut dot = [0];
        dots(self.bits, &self.levels, code, &mut dot);
        let product = (2 * dot[0] - self.correction) as f32;
        self.offset + self.bias * factors.bias() + self.slope * factors.scale() * product
    }
}

/// What a search looks for.
#[derive(Clone, Debug)]
pub struct Query {
    /// What a distance is.
    pub metric: Metric,
    /// The vector.
    pub vector: Vec<f16>,
    /// Its squared norm.
    pub norm_squared: f32,
    /// Estimates, while there is a basis.
    pub probe: Option<Probe>,
}

impl Query {
    /// A query for neighbours of `vector`.
    pub fn new(metric: Metric, vector: &[f16], basis: Option<&Arc<Basis>>) -> Self {
        let norm_squared = kernels::norm_squared(vector);
        Self {
            metric,
            vector: vector.to_vec(),
            norm_squared,
            probe: basis.map(|basis| basis.probe(vector, norm_squared)),
        }
    }

    /// The distance to a vector of this squared norm.
    #[inline]
    pub fn distance(&self, vector: &[f16], norm_squared: f32) -> f64 {
        self.metric
            .distance(&self.vector, self.norm_squared, vector, norm_squared)
    }
}

/// FNV-1a over words, then mixed (Fowler, Noll, Vo).
fn hash(bytes: &[u8]) -> u64 {
    let sum = bytes
        .chunks(8)
        .fold(0xcbf2_9ce4_8422_2325, |sum: u64, word| {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            (sum ^ u64::from_ne_bytes(padded)).wrapping_mul(0x0100_0000_01b3)
        });
    Random::new(sum).bits()
}

/// `sum += factor · x`.
fn add(sum: &mut [f32], x: &[f32], factor: f32) {
    sum.iter_mut()
        .zip(x)
        .for_each(|(sum, x)| *sum += factor * x);
}

fn project(rows: &[f32], x: &[f32], along: &mut [f32]) {
    for (row, along) in rows.chunks_exact(x.len()).zip(along) {
        *along = kernels::dot(row, x);
    }
}

/// Gram-Schmidt, twice for stability. What depends on the rows before is replaced at random.
fn orthonormalise(rows: &mut [f32], dims: usize, random: &mut Random) {
    for i in 0..rows.len() / dims {
        let (before, rest) = rows.split_at_mut(i * dims);
        let row = &mut rest[..dims];
        loop {
            let norm = kernels::norm(row) as f32;
            for _ in 0..2 {
                for other in before.chunks_exact(dims) {
                    let along = kernels::dot(row, other);
                    add(row, other, -along);
                }
            }
            let left = kernels::norm(row) as f32;
            if left > 1e-4 * norm && left > f32::MIN_POSITIVE {
                row.iter_mut().for_each(|x| *x /= left);
                break;
            }
            row.iter_mut().for_each(|x| *x = random.normal());
        }
    }
}
