//! The Cholesky factorization of a symmetric positive definite matrix (Golub, Van Loan: Matrix Computations, §4.2), in
//! place: the lower triangle of `matrix`, row after row, becomes `L` of `L Lᵀ`.

use crate::error::Result;
use crate::{Interrupt, dot};

/// Factorizes. What rounding has left of a pivot is at least `least`, which is positive.
pub(crate) fn factorize(
    matrix: &mut [f64],
    size: usize,
    least: f64,
    interrupt: Interrupt<'_>,
) -> Result<()> {
    for i in 0..size {
        interrupt()?;
        let (before, rest) = matrix.split_at_mut(i * size);
        let row = &mut rest[..size];
        for j in 0..i {
            let other = &before[j * size..][..=j];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        row[i] = (row[i] - dot(&row[..i], &row[..i])).max(least).sqrt();
    }
    Ok(())
}

/// `x` to `L⁻¹ x`.
pub(crate) fn forward(factor: &[f64], x: &mut [f64]) {
    let size = x.len();
    for i in 0..size {
        let row = &factor[i * size..][..=i];
        x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
    }
}

/// `x` to `L⁻ᵀ x`.
pub(crate) fn backward(factor: &[f64], x: &mut [f64]) {
    let size = x.len();
    for i in (0..size).rev() {
        let row = &factor[i * size..][..=i];
        x[i] /= row[i];
        let by = x[i];
        for (x, row) in x[..i].iter_mut().zip(row) {
            *x -= by * row;
        }
    }
}
