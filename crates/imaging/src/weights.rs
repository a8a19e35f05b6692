//! Pillow's resampling weights (`libImaging/Resample.c` of version 11, and `ImagingScaleAffine` for nearest).
//!
//! A weight is an integer with [`PRECISION`] fractional bits. All arithmetic up to it is in double
//! precision and in Pillow's order of operations: results depend on it.

use super::source::Pulse;
use crate::preprocess::Filter;
use crate::{Error, Result};
use std::f64::consts::PI;
use std::ops::Range;

/// Fractional bits of a weight: 32 less 8 for the sample and 2 for overshoot.
pub(super) const PRECISION: u32 = 32 - 8 - 2;

/// The weighted inputs of one output pixel along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taps {
    /// Index of the output among those computed.
    pub(super) output: usize,
    /// First input.
    pub(super) start: usize,
    /// Position of the first weight.
    pub(super) offset: usize,
    /// Inputs and weights.
    pub(super) length: usize,
}

/// One axis of a resize.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    /// Outputs, by ascending first input.
    pub(super) taps: Vec<Taps>,
    /// The weights of all outputs.
    pub(super) values: Vec<i32>,
}

impl Weights {
    /// Weights that resize what lies in `span` of `input` pixels to `output` pixels, for the outputs in `kept`.
    ///
    /// The span may begin and end within a pixel, or reach over the edge, where the last pixel counts (Pillow's `box`).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn new(
        filter: Filter,
        (input, span): (usize, Range<f64>),
        output: usize,
        kept: Range<usize>,
        pulse: &Pulse<'_>,
    ) -> Result<Self> {
        let mut weights = Self {
            taps: Vec::new(),
            values: Vec::new(),
        };
        match Kernel::of(filter) {
            Some(kernel) => weights.antialiased(kernel, (input, span), output, kept, pulse)?,
            None => weights.nearest((input, span), output, kept, pulse)?,
        }
        Ok(weights)
    }

    fn antialiased(
        &mut self,
        kernel: Kernel,
        (input, span): (usize, Range<f64>),
        output: usize,
        kept: Range<usize>,
        pulse: &Pulse<'_>,
    ) -> Result<()> {
        let scale = (span.end - span.start) / output as f64;
        let filter_scale = scale.max(1.0);
        let support = kernel.support * filter_scale;
        let step = 1.0 / filter_scale;
        let mut exact = Vec::new();
        for at in kept.clone() {
            pulse.beat();
            let center = span.start + (at as f64 + 0.5) * scale;
            // Casts truncate towards zero and stop at zero, as Pillow's do after its clamp.
            let start = ((center - support + 0.5) as usize).min(input.saturating_sub(1));
            let end = ((center + support + 0.5) as usize).min(input);
            let length = end.saturating_sub(start);
            exact.clear();
            reserve(&mut exact, length)?;
            exact.extend(
                (0..length).map(|x| (kernel.weight)(((x + start) as f64 - center + 0.5) * step)),
            );
            let sum: f64 = exact.iter().sum();
            let fixed = exact.iter().map(|&weight| {
                let weight = if sum == 0.0 { weight } else { weight / sum };
                let scaled = weight * f64::from(1 << PRECISION);
                (if weight < 0.0 {
                    scaled - 0.5
                } else {
                    scaled + 0.5
                }) as i32
            });
            let offset = self.values.len();
            reserve(&mut self.values, length)?;
            self.values.extend(fixed);
            self.push(at - kept.start, start, offset)?;
        }
        Ok(())
    }

    /// Pillow steps through the centres by repeated addition.
    fn nearest(
        &mut self,
        (input, span): (usize, Range<f64>),
        output: usize,
        kept: Range<usize>,
        pulse: &Pulse<'_>,
    ) -> Result<()> {
        let scale = (span.end - span.start) / output as f64;
        let mut center = span.start + scale * 0.5;
        for at in 0..kept.end {
            if at.is_multiple_of(1 << 12) {
                pulse.beat();
            }
            if at >= kept.start {
                let offset = self.values.len();
                reserve(&mut self.values, 1)?;
                self.values.push(1 << PRECISION);
                self.push(at - kept.start, (center as usize).min(input - 1), offset)?;
            }
            center += scale;
        }
        Ok(())
    }

    /// Records the weights from `offset` on. Zeros at either end stay: without them the first inputs would
    /// not ascend.
    fn push(&mut self, output: usize, start: usize, offset: usize) -> Result<()> {
        reserve(&mut self.taps, 1)?;
        self.taps.push(Taps {
            output,
            start,
            offset,
            length: self.values.len() - offset,
        });
        Ok(())
    }

    /// The same outputs over an axis of `input` pixels that is stored in reverse.
    pub(super) fn mirrored(mut self, input: usize, pulse: &Pulse<'_>) -> Self {
        for taps in &mut self.taps {
            pulse.beat();
            taps.start = input - taps.start - taps.length;
            if let Some(weights) = self.values.get_mut(taps.offset..taps.offset + taps.length) {
                weights.reverse();
            }
        }
        self.taps.reverse();
        self
    }

    /// The weights of one output.
    pub(super) fn of(&self, taps: &Taps) -> &[i32] {
        self.values
            .get(taps.offset..taps.offset + taps.length)
            .unwrap_or_default()
    }
}

fn reserve<T>(vector: &mut Vec<T>, more: usize) -> Result<()> {
    vector.try_reserve(more).map_err(|_| Error::OutOfMemory {
        bytes: more.saturating_mul(size_of::<T>()),
    })
}

/// An interpolation kernel.
struct Kernel {
    /// Distance at which it ends, in output pixels.
    support: f64,
    weight: fn(f64) -> f64,
}

impl Kernel {
    fn of(filter: Filter) -> Option<Self> {
        let (support, weight): (f64, fn(f64) -> f64) = match filter {
            Filter::Box => (0.5, |x| if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }),
            Filter::Bilinear => (1.0, |x| (1.0 - x.abs()).max(0.0)),
            Filter::Bicubic => (2.0, bicubic),
            Filter::Lanczos => (3.0, lanczos),
            Filter::Nearest => return None,
        };
        Some(Self { support, weight })
    }
}

/// Keys' cubic convolution with a = -0.5.
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    fn sinc(x: f64) -> f64 {
        if x == 0.0 {
            return 1.0;
        }
        let x = x * PI;
        x.sin() / x
    }
    if (-3.0..3.0).contains(&x) {
        sinc(x) * sinc(x / 3.0)
    } else {
        0.0
    }
}
