//! Short codes of vectors, from which distances are estimated ([`crate::estimator`]), and the basis that makes them.
//!
//! The [space](crate::space) is divided into cells around some centres, the means of clusters. What a
//! vector differs from its cell's centre by is projected on the principal directions of all such
//! differences, as many as a code has elements. A fixed random rotation of these spreads the energy
//! evenly, since all elements of a code have the same step, and a few bits are kept of each
//! ([`kernels::quantize`]). The last byte of a code is the number of the cell.
//!
//! Cells matter because an error grows with what is coded: between the neighbours of a query it is only
//! their difference from each other that counts, and most of what they differ from the mean of all by
//! they have in common.
//!
//! With a node `x = c + r` and a query `q = c + v`, squared distances are
//!
//! ```text
//! |q - x|² = |v|² + |r|² - 2 v·r
//! ```
//!
//! of which `|v|²` is worked out once for each cell that a search meets, `|r|²` goes with the code as its
//! bias, and `v·r` is estimated from the code and its scale. Half of it is the cosine distance of vectors of
//! norm 1, and, but for a constant, the negative inner product ([`crate::space`]).
//!
//! Everything is in units of the sample's mean `|r|²`. The factors have the range of single floats: where
//! vectors differ in length by orders of magnitude, those of the short ones would vanish in halves, and with
//! them what tells these apart.

use bytemuck::cast_slice;
use half::f16;
use kernels::quantize::{Bits, quantize};

use crate::error::{Error, Result};
use crate::layout::{Factors, Shape};
use crate::random::Random;
use crate::space::{Metric, Space};
use crate::training::{self, Trained};

/// What turns vectors into codes, trained on a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    space: Space,
    epoch: u16,
    dims: usize,
    trained: Trained,
    /// Squared norms of the centres.
    norms: Vec<f32>,
    /// The centres' elements.
    along: Vec<f32>,
    /// Squared distances of centres from each other.
    between: Vec<f32>,
    hash: u64,
}

/// A code with its factors.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// Scale and bias.
    pub factors: Factors,
    /// The elements, and the cell.
    pub bytes: Box<[u8]>,
}

/// Vectors that a basis is trained on, at most.
pub(crate) const SAMPLE: usize = 4096;

/// Vectors that a basis can be trained on, at least.
pub(crate) fn enough(shape: &Shape) -> usize {
    16 * shape.dims.min(2 * shape.code_bytes)
}

impl Basis {
    /// Trains it on the points of a sample of nodes, one after the other. Every few milliseconds it calls
    /// `interrupt`.
    ///
    /// # Errors
    /// Those of `interrupt`.
    pub fn train(
        space: Space,
        shape: &Shape,
        epoch: u16,
        sample: Vec<f32>,
        interrupt: impl Fn() -> Result<()>,
    ) -> Result<Self> {
        let trained = training::train(space.dims(shape.dims), shape, sample, &interrupt)?;
        Ok(Self::assemble(space, shape, epoch, trained))
    }

    /// Bytes that training on a sample of `count` vectors takes, the sample included.
    pub(crate) fn training_bytes(shape: &Shape, count: usize) -> usize {
        training::bytes(shape.dims + 1, shape, count)
    }

    fn assemble(space: Space, shape: &Shape, epoch: u16, trained: Trained) -> Self {
        let dims = space.dims(shape.dims);
        let centres = trained.centres.chunks_exact(dims);
        let norms = centres.clone().map(kernels::norm_squared).collect();
        let along = centres
            .flat_map(|centre| training::project(&trained.axes, centre))
            .collect();
        let centres = trained.centres.chunks_exact(dims);
        let between = centres
            .clone()
            .flat_map(|a| centres.clone().map(|b| kernels::l2_squared(a, b)))
            .collect();
        let mut basis = Self {
            space,
            epoch,
            dims,
            trained,
            norms,
            along,
            between,
            hash: 0,
        };
        // Equal numbers make another basis for another metric.
        basis.hash = hash(&basis.to_bytes()) ^ u64::from(space.metric as u8);
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

    /// Where the vectors lie.
    pub fn space(&self) -> Space {
        self.space
    }

    /// Bits of an element of a code.
    pub fn bits(&self) -> Bits {
        self.trained.bits
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.trained.centres.len() / self.dims
    }

    /// Elements of a code.
    pub(crate) fn width(&self) -> usize {
        self.trained.axes.len() / self.dims
    }

    /// What numbers of a code are in units of, squared.
    pub(crate) fn unit(&self) -> f32 {
        self.trained.unit
    }

    pub(crate) fn centre(&self, cell: usize) -> &[f32] {
        &self.trained.centres[cell * self.dims..][..self.dims]
    }

    /// The elements of a point, before they are rounded to what a code has bits for.
    pub(crate) fn project(&self, point: &[f32]) -> Vec<f32> {
        training::project(&self.trained.axes, point)
    }

    /// The squared distance of two centres.
    pub(crate) fn between(&self, a: usize, b: usize) -> f32 {
        self.between[a * self.cells() + b]
    }

    /// The elements of a centre.
    pub(crate) fn along(&self, cell: usize) -> &[f32] {
        let width = self.width();
        &self.along[cell * width..][..width]
    }

    /// What is stored of it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let trained = &self.trained;
        let halves = |numbers: &[f32], scale: f32| -> Vec<u16> {
            numbers
                .iter()
                .map(|&x| f16::from_f32(x * scale).to_bits())
                .collect()
        };
        let mut bytes = (trained.bits as u32).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&(self.cells() as u32).to_ne_bytes());
        bytes.extend_from_slice(&trained.unit.to_ne_bytes());
        bytes.extend_from_slice(&self.space.reach.to_ne_bytes());
        bytes.extend_from_slice(cast_slice(&trained.centres));
        bytes.extend_from_slice(cast_slice(&halves(&trained.axes, trained.unit.sqrt())));
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
        let wrong = || Error::corrupt(block, "basis of codes has a wrong length");
        let (head, body) = bytes.split_at_checked(16).ok_or_else(wrong)?;
        let word = |at: usize| [head[at], head[at + 1], head[at + 2], head[at + 3]];
        let cells = u32::from_ne_bytes(word(4)) as usize;
        let unit = f32::from_ne_bytes(word(8));
        let reach = f32::from_ne_bytes(word(12));
        let space = Space { metric, reach };
        let dims = space.dims(shape.dims);
        let bits = Bits::ALL.into_iter().find(|&bits| {
            let width = shape.elements(bits);
            word(0) == (bits as u32).to_ne_bytes()
                && (1..=training::MOST_CELLS).contains(&cells)
                && body.len() == 4 * cells * dims + 2 * width * dims
        });
        let bits = bits.ok_or_else(wrong)?;
        let (centres, axes) = body.split_at(4 * cells * dims);
        let scale = 1.0 / unit.sqrt();
        let trained = Trained {
            bits,
            unit,
            centres: centres
                .chunks_exact(4)
                .map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            axes: axes
                .chunks_exact(2)
                .map(|b| f16::from_ne_bytes([b[0], b[1]]).to_f32() * scale)
                .collect(),
        };
        Ok(Self::assemble(space, shape, epoch, trained))
    }

    /// The code of a vector of this squared norm.
    pub fn encode(&self, vector: &[f16], norm_squared: f32) -> Code {
        let point = self.space.node(vector, norm_squared);
        self.encode_point(point, self.space.excess(norm_squared))
    }

    /// The code of a point, such as the mean of some, whose norms exceed the space's reach by so much.
    pub(crate) fn encode_point(&self, mut point: Vec<f32>, excess: f32) -> Code {
        let cell = training::nearest(&self.trained.centres, &self.norms, &point);
        training::subtract(&mut point, self.centre(cell));
        let values = self.project(&point);
        let mut bytes = vec![0; values.len() / self.bits().per_byte() + 1].into_boxed_slice();
        let last = bytes.len() - 1;
        let scale = quantize(self.bits(), &values, &mut bytes[..last]);
        bytes[last] = cell as u8;
        let bias = kernels::norm_squared(&point) - excess;
        Code {
            factors: Factors::new(scale, bias / self.unit()),
            bytes,
        }
    }
}

/// FNV-1a over words, then mixed (Fowler, Noll, Vo). It is on disk: another one would make every index unreadable.
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
