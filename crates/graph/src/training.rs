//! How a basis is trained on a sample: the centres of cells, and the directions that matter in them.
//!
//! With thousands of dimensions this takes many seconds. Between any two steps whose work is that of a point with
//! the whole sample, or of a row with a square matrix, some milliseconds, it asks whether to go on.

use kernels::quantize::Bits;

use crate::error::Result;
use crate::layout::Shape;
use crate::random::Random;

/// Most cells: their number is a byte of the code.
pub(crate) const MOST_CELLS: usize = 64;
/// Points of the sample for each cell, at least.
const CELL_SAMPLE: usize = 16;
/// Rounds of moving the centres: more make no better codes.
const CENTRE_ROUNDS: usize = 4;
/// Points of the sample that are compared with those nearest to them.
const DIFFERENCES: usize = 256;
/// Rounds of subspace iteration, after which the directions that matter are found to well below the
/// error of four bits.
const DIRECTION_ROUNDS: usize = 6;

/// What a basis consists of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trained {
    /// Bits of an element of a code.
    pub(crate) bits: Bits,
    /// Mean squared distance of the sample from its centres.
    pub(crate) unit: f32,
    /// The centres of the cells.
    pub(crate) centres: Vec<f32>,
    /// Rotated principal directions, one for each element of a code, divided by the unit's root.
    pub(crate) axes: Vec<f32>,
}

fn most_directions(dims: usize, shape: &Shape) -> usize {
    shape.elements(Bits::One).min(dims)
}

/// Bytes that training on a sample of `count` points takes, the sample included.
pub(crate) fn bytes(dims: usize, shape: &Shape, count: usize) -> usize {
    let vectors = 2 * count + dims + MOST_CELLS + 3 * most_directions(dims, shape);
    vectors * dims * size_of::<f32>()
}

/// Says by an error that the work is to stop.
pub(crate) type Interrupt<'i> = &'i dyn Fn() -> Result<()>;

/// Trains on a sample of points, one after the other.
pub(crate) fn train(
    dims: usize,
    shape: &Shape,
    mut sample: Vec<f32>,
    interrupt: Interrupt<'_>,
) -> Result<Trained> {
    let mut random = Random::new(0x636c_6970);
    let cells = (sample.len() / dims / CELL_SAMPLE).clamp(1, MOST_CELLS);
    let centres = centres(dims, &sample, cells, &mut random, interrupt)?;
    let norms: Vec<f32> = centres
        .chunks_exact(dims)
        .map(kernels::norm_squared)
        .collect();
    let differences = near_differences(dims, &sample, interrupt)?;
    for x in sample.chunks_exact_mut(dims) {
        interrupt()?;
        let cell = nearest(&centres, &norms, x);
        subtract(x, &centres[cell * dims..][..dims]);
    }
    let products = products(dims, sample, interrupt)?;
    let total: f64 = (0..dims).map(|i| f64::from(products[i * dims + i])).sum();
    let unit = (total as f32).max(f32::MIN_POSITIVE * 1e6);

    let mut rows = directions(dims, shape, &products, &mut random, interrupt)?;
    let bits = bits(shape, &energies(&rows, dims, &differences));
    let width = shape.elements(bits);
    let rank = width.min(rows.len() / dims);
    rows.truncate(rank * dims);
    // Zeros pad the code where it has more elements than there are dimensions.
    let mut rotation: Vec<f32> = (0..rank * rank).map(|_| random.normal()).collect();
    orthonormalise(&mut rotation, rank, &mut random, interrupt)?;
    let mut rotated = vec![0f32; width * dims];
    let scale = 1.0 / unit.sqrt();
    for (row, weights) in rotated
        .chunks_exact_mut(dims)
        .zip(rotation.chunks_exact(rank))
    {
        interrupt()?;
        for (direction, &weight) in rows.chunks_exact(dims).zip(weights) {
            add(row, direction, weight);
        }
        // Stored as halves: rounding here, what is trained and what is read back are the same.
        row.iter_mut()
            .for_each(|x| *x = half::f16::from_f32(*x).to_f32() * scale);
    }
    Ok(Trained {
        bits,
        unit,
        centres,
        axes: rotated,
    })
}

/// Lloyd's algorithm (Least squares quantization in PCM, 1982) from random points of the sample.
pub(crate) fn centres(
    dims: usize,
    sample: &[f32],
    cells: usize,
    random: &mut Random,
    interrupt: Interrupt<'_>,
) -> Result<Vec<f32>> {
    let count = sample.len() / dims;
    let mut order: Vec<usize> = (0..count).collect();
    random.shuffle(&mut order);
    let mut centres: Vec<f32> = order[..cells.min(count)]
        .iter()
        .flat_map(|&i| &sample[i * dims..][..dims])
        .copied()
        .collect();
    for _ in 0..CENTRE_ROUNDS {
        let norms: Vec<f32> = centres
            .chunks_exact(dims)
            .map(kernels::norm_squared)
            .collect();
        let mut sums = vec![0f32; centres.len()];
        let mut members = vec![0_usize; norms.len()];
        for x in sample.chunks_exact(dims) {
            interrupt()?;
            let cell = nearest(&centres, &norms, x);
            add(&mut sums[cell * dims..][..dims], x, 1.0);
            members[cell] += 1;
        }
        let cells = centres.chunks_exact_mut(dims).zip(sums.chunks_exact(dims));
        for ((centre, sum), &members) in cells.zip(&members) {
            if members > 0 {
                let share = 1.0 / members as f32;
                centre.iter_mut().zip(sum).for_each(|(c, x)| *c = x * share);
            }
        }
    }
    Ok(centres)
}

/// The centre nearest to a point.
pub(crate) fn nearest(centres: &[f32], norms: &[f32], point: &[f32]) -> usize {
    let mut best = (0, f32::INFINITY);
    for (cell, (centre, norm)) in centres.chunks_exact(point.len()).zip(norms).enumerate() {
        let distance = norm - 2.0 * kernels::dot(centre, point);
        if distance < best.1 {
            best = (cell, distance);
        }
    }
    best.0
}

/// The mean products of coordinates.
fn products(dims: usize, sample: Vec<f32>, interrupt: Interrupt<'_>) -> Result<Vec<f32>> {
    let count = sample.len() / dims;
    let mut columns = vec![0f32; sample.len()];
    for (i, x) in sample.chunks_exact(dims).enumerate() {
        interrupt()?;
        for (column, x) in columns.chunks_exact_mut(count).zip(x) {
            column[i] = *x;
        }
    }
    drop(sample);
    let share = 1.0 / count.max(1) as f32;
    let mut products = vec![0f32; dims * dims];
    for i in 0..dims {
        interrupt()?;
        for j in 0..=i {
            let (a, b) = (
                &columns[i * count..][..count],
                &columns[j * count..][..count],
            );
            let product = kernels::dot(a, b) * share;
            products[i * dims + j] = product;
            products[j * dims + i] = product;
        }
    }
    Ok(products)
}

/// The principal directions, those of most energy first: subspace iteration (Golub, Van Loan: Matrix
/// Computations, §8.2.4) from a random start.
fn directions(
    dims: usize,
    shape: &Shape,
    products: &[f32],
    random: &mut Random,
    interrupt: Interrupt<'_>,
) -> Result<Vec<f32>> {
    let rank = most_directions(dims, shape);
    let mut rows: Vec<f32> = (0..rank * dims).map(|_| random.normal()).collect();
    orthonormalise(&mut rows, dims, random, interrupt)?;
    for _ in 0..DIRECTION_ROUNDS {
        for row in rows.chunks_exact_mut(dims) {
            interrupt()?;
            let product = project(products, row);
            row.copy_from_slice(&product);
        }
        orthonormalise(&mut rows, dims, random, interrupt)?;
    }
    Ok(rows)
}

/// Differences between some points of the sample and those nearest to them.
fn near_differences(dims: usize, sample: &[f32], interrupt: Interrupt<'_>) -> Result<Vec<f32>> {
    let norms: Vec<f32> = sample
        .chunks_exact(dims)
        .map(kernels::norm_squared)
        .collect();
    let points = sample.chunks_exact(dims);
    let mut differences = Vec::with_capacity(DIFFERENCES.min(norms.len()) * dims);
    for (i, x) in points.clone().enumerate().take(DIFFERENCES) {
        interrupt()?;
        let others = points.clone().zip(&norms).enumerate();
        let nearest = others
            .filter(|&(j, _)| j != i)
            .map(|(_, (y, norm))| (norm - 2.0 * kernels::dot(x, y), y))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, y)) = nearest {
            differences.extend(x.iter().zip(y).map(|(x, y)| x - y));
        }
    }
    Ok(differences)
}

/// The energy of `vectors` along each of `rows`.
fn energies(rows: &[f32], dims: usize, vectors: &[f32]) -> Vec<f64> {
    let energy = |row| {
        let along = vectors.chunks_exact(dims).map(|x| kernels::dot(row, x));
        along.map(|x| f64::from(x * x)).sum()
    };
    rows.chunks_exact(dims).map(energy).collect()
}

/// The bits of an element that keep most of the energy of near differences, which estimates are to tell
/// apart: with few bits, a code holds more directions, each less well.
fn bits(shape: &Shape, energies: &[f64]) -> Bits {
    let kept = |bits: Bits| {
        let held: f64 = energies.iter().take(shape.elements(bits)).sum();
        held * f64::from(1.0 - bits.distortion())
    };
    Bits::ALL
        .into_iter()
        .reduce(
            |best, bits| {
                if kept(bits) > kept(best) { bits } else { best }
            },
        )
        .unwrap_or(Bits::Four)
}

/// `x -= y`.
pub(crate) fn subtract(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x -= y);
}

/// `sum += factor · x`.
fn add(sum: &mut [f32], x: &[f32], factor: f32) {
    sum.iter_mut()
        .zip(x)
        .for_each(|(sum, x)| *sum += factor * x);
}

/// The products of `x` with each of `rows`.
pub(crate) fn project(rows: &[f32], x: &[f32]) -> Vec<f32> {
    rows.chunks_exact(x.len())
        .map(|row| kernels::dot(row, x))
        .collect()
}

/// Gram-Schmidt, twice for stability. What depends on the rows before is replaced at random.
fn orthonormalise(
    rows: &mut [f32],
    dims: usize,
    random: &mut Random,
    interrupt: Interrupt<'_>,
) -> Result<()> {
    for i in 0..rows.len() / dims {
        interrupt()?;
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
    Ok(())
}
