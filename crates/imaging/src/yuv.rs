//! Luma and chroma to RGB, by the code points of ITU-T H.273.

use crate::Result;
use crate::raster::zeroed;
use crate::source::Pulse;

/// How many samples of chroma there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// None.
    Grey,
    /// Half as many both ways (4:2:0).
    Quarter,
    /// Half as many a row (4:2:2).
    Half,
    /// As many as of luma (4:4:4).
    Full,
}

/// What the numbers mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colors {
    /// Matrix coefficients.
    pub(crate) matrix: u16,
    /// Whether samples use all of their range; else 16 to 235 of 255 for luma and 16 to 240 for chroma.
    pub(crate) full: bool,
}

/// Samples of a component: bytes, or words of the machine's order where they have more than 8 bits.
#[derive(Clone, Copy)]
pub(crate) struct Plane<'a> {
    pub(crate) samples: &'a [u8],
    /// Bytes from one row to the next.
    pub(crate) stride: usize,
}

/// A picture in components.
pub(crate) struct Planes<'a> {
    pub(crate) size: (usize, usize),
    pub(crate) bits: u32,
    pub(crate) layout: Layout,
    pub(crate) planes: [Option<Plane<'a>>; 3],
    pub(crate) colors: Colors,
}

/// Tiles put together, so that chroma is enlarged across their borders as within them.
pub(crate) struct Assembled {
    size: (usize, usize),
    bits: u32,
    layout: Layout,
    colors: Colors,
    planes: [Vec<u8>; 3],
}

impl Assembled {
    /// Of tiles like this one.
    ///
    /// # Errors
    /// That memory is short.
    pub(crate) fn new(tile: &Planes<'_>, size: (u32, u32), pulse: &Pulse<'_>) -> Result<Self> {
        let size = (size.0 as usize, size.1 as usize);
        let plane = |component| {
            let (width, height) = tile.layout.sides(component, size);
            zeroed(width * height * tile.word(), pulse)
        };
        Ok(Self {
            planes: [plane(0)?, plane(1)?, plane(2)?],
            size,
            bits: tile.bits,
            layout: tile.layout,
            colors: tile.colors,
        })
    }

    /// Puts a tile at an even place; false where it is of another kind than the first one.
    pub(crate) fn put(&mut self, tile: &Planes<'_>, at: (usize, usize)) -> bool {
        if (tile.bits, tile.layout) != (self.bits, self.layout) {
            return false;
        }
        let word = tile.word();
        for (component, plane) in self.planes.iter_mut().enumerate() {
            let Some(source) = tile.planes.get(component).copied().flatten() else {
                continue;
            };
            let (width, height) = self.layout.sides(component, self.size);
            let (columns, rows) = self.layout.sides(component, tile.size);
            let (left, top) = self.layout.sides(component, at);
            let length = columns.min(width.saturating_sub(left)) * word;
            for y in 0..rows.min(height.saturating_sub(top)) {
                let start = ((top + y) * width + left) * word;
                let row = source.samples.get(y * source.stride..);
                let row = row.and_then(|row| row.get(..length));
                if let (Some(row), Some(target)) = (row, plane.get_mut(start..start + length)) {
                    target.copy_from_slice(row);
                }
            }
        }
        true
    }

    /// The picture.
    pub(crate) fn planes(&self) -> Planes<'_> {
        let word = if self.bits > 8 { 2 } else { 1 };
        let plane = |component: usize| {
            Some(Plane {
                samples: self.planes.get(component)?,
                stride: self.layout.sides(component, self.size).0 * word,
            })
        };
        Planes {
            size: self.size,
            bits: self.bits,
            layout: self.layout,
            planes: [plane(0), plane(1), plane(2)],
            colors: self.colors,
        }
    }
}

impl Layout {
    /// Samples of a component across and down, of so many of luma.
    fn sides(self, component: usize, (across, down): (usize, usize)) -> (usize, usize) {
        match self {
            Self::Half if component > 0 => (across.div_ceil(2), down),
            Self::Quarter if component > 0 => (across.div_ceil(2), down.div_ceil(2)),
            _ => (across, down),
        }
    }

    /// Whether pixels share chroma.
    pub(crate) fn shares(self) -> bool {
        matches!(self, Self::Half | Self::Quarter)
    }
}

impl Planes<'_> {
    /// Bytes of a sample.
    fn word(&self) -> usize {
        if self.bits > 8 { 2 } else { 1 }
    }

    /// Row `y` of a component.
    fn row(&self, component: usize, y: usize) -> impl Fn(usize) -> f32 {
        let plane = self.planes.get(component).copied().flatten();
        let row = plane
            .and_then(|plane| plane.samples.get(y * plane.stride..))
            .unwrap_or_default();
        let wide = self.bits > 8;
        move |x: usize| match wide {
            false => row.get(x).copied().unwrap_or_default().into(),
            true => match row.get(2 * x..2 * x + 2) {
                Some(&[low, high]) => u16::from_ne_bytes([low, high]).into(),
                _ => 0.0,
            },
        }
    }

    /// What black and the range of luma are, and the middle and range of chroma.
    fn range(&self, full: bool) -> (f32, f32, f32, f32) {
        let unit = (1u32 << (self.bits - 8)) as f32;
        let most = ((1u32 << self.bits) - 1) as f32;
        match full {
            true => (0.0, most, 128.0 * unit, most),
            false => (16.0 * unit, 219.0 * unit, 128.0 * unit, 224.0 * unit),
        }
    }

    /// Paints the picture at `at` of one of `size` with so many channels; what lies beyond is cut off.
    pub(crate) fn paint(
        &self,
        samples: &mut [u8],
        channels: usize,
        size: (u32, u32),
        at: (usize, usize),
    ) {
        let convert = self.converter();
        let (width, height) = (size.0 as usize, size.1 as usize);
        let columns = self.size.0.min(width.saturating_sub(at.0));
        for y in 0..self.size.1.min(height.saturating_sub(at.1)) {
            let start = ((at.1 + y) * width + at.0) * channels;
            let row = samples
                .get_mut(start..start + columns * channels)
                .unwrap_or_default();
            let luma = self.row(0, y);
            // Chroma lies in the middle of two rows of luma; the nearer one counts three times.
            let (near, far) = match self.layout {
                Layout::Quarter => (y / 2, neighbour(y, self.size.1.div_ceil(2))),
                _ => (y, y),
            };
            let (blue, red) = (
                (self.row(1, near), self.row(1, far)),
                (self.row(2, near), self.row(2, far)),
            );
            let chroma = |rows: &(_, _), x: usize| {
                let (near, far): &(_, _) = rows;
                self.chroma(near, far, x)
            };
            for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
                let rgb = match self.layout {
                    Layout::Grey => convert(luma(x), None),
                    _ => convert(luma(x), Some((chroma(&blue, x), chroma(&red, x)))),
                };
                for (sample, value) in pixel.iter_mut().zip(rgb) {
                    *sample = value;
                }
            }
        }
    }

    /// Chroma at a pixel of luma.
    fn chroma(&self, near: &impl Fn(usize) -> f32, far: &impl Fn(usize) -> f32, x: usize) -> f32 {
        if self.layout == Layout::Full {
            return near(x);
        }
        let other = neighbour(x, self.size.0.div_ceil(2));
        let row = |row: &dyn Fn(usize) -> f32| (3.0 * row(x / 2) + row(other)) / 4.0;
        match self.layout {
            Layout::Quarter => (3.0 * row(near) + row(far)) / 4.0,
            _ => row(near),
        }
    }

    /// From luma and the two of chroma to 8 bits.
    fn converter(&self) -> impl Fn(f32, Option<(f32, f32)>) -> [u8; 3] {
        let Colors { matrix, full } = self.colors;
        let (black, range, middle, chroma_range) = self.range(full);
        let (kr, kb) = match matrix {
            1 => (0.2126f32, 0.0722),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            9 | 10 => (0.2627, 0.0593),
            _ => (0.299, 0.114),
        };
        let kg = 1.0 - kr - kb;
        let byte = |value: f32| (value * 255.0 + 0.5) as u8;
        move |luma, chroma| {
            let y = (luma - black) / range;
            let Some((blue, red)) = chroma else {
                return [byte(y); 3];
            };
            if matrix == 0 {
                // Green, blue and red as they are.
                return [(red - black) / range, y, (blue - black) / range].map(byte);
            }
            let (blue, red) = (
                (blue - middle) / chroma_range,
                (red - middle) / chroma_range,
            );
            if matrix == 8 {
                // Green against magenta, orange against blue.
                let base = y - blue;
                return [base + red, y + blue, base - red].map(byte);
            }
            let (r, b) = (y + 2.0 * (1.0 - kr) * red, y + 2.0 * (1.0 - kb) * blue);
            [r, (y - kr * r - kb * b) / kg, b].map(byte)
        }
    }

    /// Luma as the fourth of four channels, at `at` of a picture of `size`.
    pub(crate) fn paint_opacity(&self, samples: &mut [u8], size: (u32, u32), at: (usize, usize)) {
        let (width, height) = (size.0 as usize, size.1 as usize);
        let (black, range, ..) = self.range(self.colors.full);
        let columns = self.size.0.min(width.saturating_sub(at.0));
        for y in 0..self.size.1.min(height.saturating_sub(at.1)) {
            let start = ((at.1 + y) * width + at.0) * 4;
            let row = samples
                .get_mut(start..start + columns * 4)
                .unwrap_or_default();
            let luma = self.row(0, y);
            for (x, [.., opacity]) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *opacity = ((luma(x) - black) / range * 255.0 + 0.5) as u8;
            }
        }
    }
}

/// The sample of chroma on the other side of a sample of luma, of so many.
fn neighbour(at: usize, count: usize) -> usize {
    match at % 2 {
        0 => (at / 2).saturating_sub(1),
        _ => (at / 2 + 1).min(count - 1),
    }
}
