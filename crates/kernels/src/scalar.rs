//! The reference implementation: one element at a time.

use half::f16;

/// Inner product.
pub fn dot_f16(a: &[f16], b: &[f16]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x.to_f32() * y.to_f32()).sum()
}

/// Cosine distance, `1 - a·b / (|a| |b|)`; NaN where a norm is zero.
pub fn cosine_f16(a: &[f16], b: &[f16]) -> f64 {
    let (d, x, y) = (f64::from(dot_f16(a, b)), f64::from(dot_f16(a, a)), f64::from(dot_f16(b, b)));
    1.0 - (d / (x * y).sqrt()).clamp(-1.0, 1.0)
}

/// Squared Euclidean distance.
pub fn l2_squared_f16(a: &[f16], b: &[f16]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x.to_f32() - y.to_f32()).powi(2)).sum()
}

/// Taxicab distance.
pub fn l1_f16(a: &[f16], b: &[f16]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x.to_f32() - y.to_f32()).abs()).sum()
}

/// Euclidean norm.
pub fn norm_f16(a: &[f16]) -> f32 {
    dot_f16(a, a).sqrt()
}
