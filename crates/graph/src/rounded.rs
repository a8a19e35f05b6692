//! Vectors rounded to eight bits an element, and what that leaves open of a distance.
//!
//! A vector `x` is kept as whole numbers `c` between -127 and 127 and a scale `s`, but for its largest elements, the
//! [`Peak`]s `p`, which stay as they are and where `c` is 0: as `y = s·c + p`, and with that the norm of what is lost,
//! `e = x - y`. The scale is that of least squares, so `e` is at right angles to `y`, and of a query `q` only the part `q'`
//! that is at right angles to `y` has a product with `e`:
//!
//! ```text
//! q·x = q·y + q'·e        |q'·e| ≤ |q'| |e|        |q'|² = |q|² - (q·y)² / |y|²        |y|² = |x|² - |e|²
//! ```
//!
//! So `q·y` tells the distance, and the norms how far off it may be: where `q` points where `x` does, by less than
//! `|q| |e|`. Sums are rounded, too, these here and those of the SQL operators. A sum of `n` products in single precision
//! is within `γ = (n + 4) · 2⁻²⁴` of that of their absolute values ([`kernels`]), and these add up to `|q| |x|` at most.
//! With the rounding of a norm, of which there is one in each of the numbers, that makes
//!
//! - `2γ |q| |x|` for the products, of `y` and of `x`,
//! - `5γ |q|²` for `|q'|²`: `γ` of `|q|²`, `2γ` of `(q·y)²`, `4/3 γ` of `|y|²`, since `|e|²` is a quarter of `|x|²` at most
//!   even with 16 000 dimensions, `n` halves of a step squared, with 127 steps to the largest element;
//! - `γ` more for the cosine's division by the norms, `4γ (|q|² + |x|²)` for a squared distance made of three of these
//!   and for the operator's own sum.
//!
//! What is used is more than these, for products of two roundings and what is rounded in double precision.
//!
//! # Why peaks
//!
//! The largest element sets the scale, and some models have one that is far larger than all others: of OpenAI's ViT-B/32
//! it is .57 of a norm of 1 in every picture, thirteen times what an element is on average. Of 100 000 vectors with such an
//! element, the ten nearest take 111 rows of the table without peaks. Four cut what is lost by these 25 pictures from .029
//! to .007, clip-mini's from .010 to .007, and that of normally distributed elements by a fifth, for 16 bytes of a node;
//! as many bytes in scales for each 32 elements leave .009 of the former.

use bytemuck::{Pod, Zeroable};
use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::space::{Metric, Space};

/// The largest number that an element becomes.
const TOP: f32 = 127.0;

/// Elements that are kept as they are.
pub const PEAKS: usize = 4;

/// An element of a vector, and which one it is. A value of 0 stands for none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Peak {
    at: u16,
    half: u16,
}

impl Peak {
    /// Its value.
    #[inline]
    pub fn value(self) -> f16 {
        f16::from_bits(self.half)
    }

    /// The element of another vector at its place; 0 where that is beyond the end, as it may be on a damaged page.
    #[inline]
    fn of<T: Copy + Default>(self, elements: &[T]) -> T {
        elements
            .get(usize::from(self.at))
            .copied()
            .unwrap_or_default()
    }
}

/// A rounded vector that lies somewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundedRef<'r> {
    /// What a level counts.
    pub scale: f32,
    /// The norm of what the rounding has lost, or a little more.
    pub error: f32,
    /// The largest elements.
    pub peaks: &'r [Peak; PEAKS],
    /// The others in units of the scale.
    pub levels: &'r [i8],
}

/// A rounded vector. Equal vectors are rounded to equal ones, on whatever machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounded {
    scale: f32,
    error: f32,
    peaks: [Peak; PEAKS],
    levels: Box<[i8]>,
}

/// A distance as it follows from a rounded vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// The distance, or nearly.
    pub distance: f64,
    /// How far off that is at most, from the distance as it is and as the SQL operator makes it.
    pub error: f64,
}

impl Rounded {
    /// Rounds a vector.
    pub fn of(vector: &[f16]) -> Self {
        // Adding it leaves a whole number in the lowest bits: several at a time, where rounding is a call.
        const ROUNDER: f32 = 1.5 * (1 << 23) as f32;
        let mut wide = vec![0f32; vector.len()];
        vector.convert_to_f32_slice(&mut wide);
        let peaks = peaks(&wide);
        for peak in peaks {
            if let Some(element) = wide.get_mut(usize::from(peak.at)) {
                *element = 0.0;
            }
        }
        let largest = wide.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        let factor = if largest > 0.0 { TOP / largest } else { 0.0 };
        let levels: Box<[i8]> = wide
            .iter()
            .map(|x| (x * factor + ROUNDER).to_bits() as i8)
            .collect();
        // In double precision, element by element: every machine finds the same.
        let pairs = || {
            wide.iter()
                .map(|&x| f64::from(x))
                .zip(levels.iter().map(|&c| f64::from(c)))
        };
        let (along, square) = pairs().fold((0.0, 0.0), |(along, square), (x, c)| {
            (along + x * c, square + c * c)
        });
        let scale = if square > 0.0 {
            (along / square) as f32
        } else {
            0.0
        };
        let lost: f64 = pairs()
            .map(|(x, c)| x - f64::from(scale) * c)
            .map(|x| x * x)
            .sum();
        Self {
            scale,
            error: (lost.sqrt() * (1.0 + f64::from(f32::EPSILON))) as f32,
            peaks,
            levels,
        }
    }

    /// It, where it lies.
    pub fn get(&self) -> RoundedRef<'_> {
        RoundedRef {
            scale: self.scale,
            error: self.error,
            peaks: &self.peaks,
            levels: &self.levels,
        }
    }
}

/// The largest elements of a vector, of equal ones those that come first.
fn peaks(vector: &[f32]) -> [Peak; PEAKS] {
    let mut peaks = [(0.0, 0, 0.0); PEAKS];
    for (at, &value) in vector.iter().enumerate() {
        let mut new = (value.abs(), at, value);
        if new.0 > peaks[PEAKS - 1].0 {
            for peak in &mut peaks {
                if new.0 > peak.0 {
                    std::mem::swap(peak, &mut new);
                }
            }
        }
    }
    peaks.map(|(_, at, value)| Peak {
        at: at as u16,
        half: f16::from_f32(value).to_bits(),
    })
}

impl RoundedRef<'_> {
    /// A copy of its own.
    pub fn to_owned(self) -> Rounded {
        Rounded {
            scale: self.scale,
            error: self.error,
            peaks: *self.peaks,
            levels: self.levels.into(),
        }
    }

    /// The vector of halves nearest to it.
    pub fn halves(self) -> Vec<f16> {
        let most = f16::MAX.to_f32_const();
        let wide = self.levels.iter().map(|&c| self.scale * f32::from(c));
        let wide: Vec<f32> = wide.map(|x| x.clamp(-most, most)).collect();
        let mut halves = vec![f16::ZERO; wide.len()];
        halves.convert_from_f32_slice(&wide);
        for peak in self.peaks.iter().filter(|peak| peak.half != 0) {
            if let Some(half) = halves.get_mut(usize::from(peak.at)) {
                *half = peak.value();
            }
        }
        halves
    }

    /// The squared norm of the vector that was rounded, as it follows from what it became.
    pub fn norm_squared(self) -> f64 {
        self.dot(self) + f64::from(self.error).powi(2)
    }

    /// The inner product with another one.
    #[inline]
    pub fn dot(self, other: RoundedRef<'_>) -> f64 {
        let sum = f64::from(kernels::dot_bytes(self.levels, other.levels));
        let levels = f64::from(self.scale) * f64::from(other.scale) * sum;
        let peaks = self.peaks.iter().map(|peak| {
            let same = other.peaks.iter().filter(|its| its.at == peak.at);
            let same: f64 = same.map(|its| its.value().to_f64()).sum();
            peak.value().to_f64() * (other.at(*peak) + same)
        });
        let its = other
            .peaks
            .iter()
            .map(|its| its.value().to_f64() * self.at(*its));
        levels + peaks.sum::<f64>() + its.sum::<f64>()
    }

    /// What the levels say of the element where a peak of another vector is.
    #[inline]
    fn at(self, peak: Peak) -> f64 {
        f64::from(self.scale) * f64::from(peak.of(self.levels))
    }

    /// How far two nodes are from each other that had these squared norms when they were whole.
    #[inline]
    pub(crate) fn between(self, norm: f32, other: Self, other_norm: f32, space: &Space) -> f64 {
        space.by_dot(self.dot(other), norm, other_norm)
    }
}

impl Measure {
    /// What the distance is at least, also as the SQL operator makes it.
    #[inline]
    pub fn least(self) -> f64 {
        self.distance - self.error
    }

    /// What it is at most.
    #[inline]
    pub fn most(self) -> f64 {
        self.distance + self.error
    }
}

/// A point from which distances to rounded vectors are measured.
#[derive(Clone, Debug)]
pub(crate) struct Viewpoint {
    wide: Vec<f32>,
    norm_squared: f32,
    /// What a sum may be off by, in parts of the norms.
    rounding: f64,
    /// Where all vectors were of single precision before, the norm of what this one has lost.
    converted: Option<f64>,
}

impl Viewpoint {
    /// Distances from `vector`.
    pub(crate) fn new(vector: &[f16], norm_squared: f32) -> Self {
        let mut wide = vec![0f32; vector.len()];
        vector.convert_to_f32_slice(&mut wide);
        Self {
            rounding: (wide.len() + 8) as f64 * 2f64.powi(-24),
            wide,
            norm_squared,
            converted: None,
        }
    }

    /// The same, where it and whatever is measured have become halves out of numbers of single precision, and it has `lost` a
    /// vector of that norm.
    pub(crate) fn converted(self, lost: f64) -> Self {
        let converted = Some(lost);
        Self { converted, ..self }
    }

    /// How far a vector of this norm may be from what it was in single precision: an element loses half of its last bit by
    /// rounding, of eleven, and the smallest ones, of fewer bits, no more than half of the smallest half that there is.
    fn conversion(&self, norm: f64) -> f64 {
        1.01 * (2f64.powi(-11) * norm + 2f64.powi(-25) * (self.wide.len() as f64).sqrt())
    }

    /// How much further off a distance by `metric`, which is no more than `most` between the halves, is for that, and for the
    /// `lost` part of the point itself. The norms are those of the halves.
    fn converted_error(&self, lost: f64, metric: Metric, most: f64, own: f64, its: f64) -> f64 {
        // A little more, for rounding in double precision.
        let lost = 1.01 * lost;
        match metric {
            // Both directions turn by angles whose sines are no more than these, small ones, and a cosine changes by no more
            // than its angle.
            Metric::Cosine => 1.05 * (self.conversion(1.0) + lost),
            Metric::InnerProduct => {
                let error = self.conversion(its);
                // Products below the least single are lost.
                let underflow = self.wide.len() as f64 * 2f64.powi(-149);
                own * error + (its + error) * lost + underflow
            }
            // The root changes by no more than both have lost.
            Metric::L2 => {
                let error = self.conversion(its) + lost;
                error * (2.0 * most.max(0.0).sqrt() + error)
            }
        }
    }

    /// The inner product with a rounded vector.
    #[inline]
    pub(crate) fn dot(&self, rounded: RoundedRef<'_>) -> f64 {
        let levels = f64::from(kernels::dot_bytes_mixed(rounded.levels, &self.wide));
        let peaks = rounded.peaks.iter();
        let peaks = peaks.map(|peak| peak.value().to_f64() * f64::from(peak.of(&self.wide)));
        f64::from(rounded.scale) * levels + peaks.sum::<f64>()
    }

    /// How far off a distance by `metric` may be that is made of [`dot`](Self::dot). The vector had this squared norm
    /// when it was whole.
    #[inline]
    pub(crate) fn error(&self, metric: Metric, dot: f64, error: f32, norm_squared: f32) -> f64 {
        let (own, its) = (f64::from(self.norm_squared), f64::from(norm_squared));
        let error = f64::from(error);
        let square = its - error * error;
        let along = if square > 0.0 {
            dot * dot / square
        } else {
            0.0
        };
        let across = ((own - along).max(0.0) + 8.0 * self.rounding * own).sqrt();
        let norms = (own * its).sqrt();
        let error = match metric {
            Metric::InnerProduct => across * error + 4.0 * self.rounding * norms,
            Metric::Cosine => across * error / norms + 6.0 * self.rounding,
            Metric::L2 => 2.0 * across * error + 8.0 * self.rounding * (own + its),
        };
        let Some(lost) = self.converted else {
            return error;
        };
        let most = own + its - 2.0 * dot + error;
        error + self.converted_error(lost, metric, most, own.sqrt(), its.sqrt())
    }
}
