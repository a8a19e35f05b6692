//! Windows and OS/2 bitmaps, row by row; only a run-length coded picture is held as a whole. The header of the file may be
//! missing, as in what programs hand each other (DIB).
//!
//! Samples of fewer than 8 bits are scaled as in Pillow, by rounding down. What a run-length code leaves out has the first
//! colour. The bytes that fill up the last row may be missing.

use super::Format;
use super::decoder::{Decoder, Header, Opening, Reader, only_page};
use super::raster::{compose, zeroed};
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use crate::preprocess::Alpha;
use crate::{Error, Result};

/// The decoder of BMP.
pub(super) struct Bmp;

impl Decoder for Bmp {
    fn format(&self) -> Format {
        Format::Bmp
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        // Two letters begin many a text; what follows the file's header is the length of the next one.
        let length = bytes.get(14..18).and_then(<[u8]>::first_chunk);
        let length = length.map(|length| u32::from_le_bytes(*length));
        match bytes.starts_with(b"BM") {
            true => length.is_none_or(|length| (12..=1024).contains(&length)),
            false => is_bare(bytes),
        }
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "clip_pg", env!("CARGO_PKG_VERSION"))]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, _pulse: &Pulse<'_>) -> Result<Header> {
        only_page(page)?;
        let bitmap = Bitmap::parse(bytes).ok_or_else(early)?;
        Ok(Header {
            refused: bitmap.coding().err(),
            ..Header::new((bitmap.width, bitmap.height))
        })
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        Ok(Box::new(Pixels::open(
            file.bytes,
            file.request.alpha,
            file.pulse,
        )?))
    }
}

fn early() -> Error {
    corrupt(Format::Bmp, "the header ends early")
}

/// Bytes of the header of a file, which comes before that of the picture.
const FILE_HEADER: usize = 14;

/// Whether a file begins with one of Windows' headers of a picture: its length, a size, one plane, bits of a pixel and a
/// compression that there are.
fn is_bare(bytes: &[u8]) -> bool {
    let long = |at: usize| {
        bytes
            .get(at..)?
            .first_chunk()
            .copied()
            .map(u32::from_le_bytes)
    };
    let bits = [1, 2, 4, 8, 16, 24, 32].map(|bits| 1 | bits << 16);
    matches!(long(0), Some(40 | 52 | 56 | 108 | 124))
        && long(12).is_some_and(|planes| bits.contains(&planes))
        && matches!(long(16), Some(0..=6))
}

/// How pixels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// Indices of 1, 2, 4 or 8 bits into the palette.
    Indices,
    /// The same, as runs.
    Runs,
    /// Blue, green and red bytes.
    Bytes,
    /// Words of 2 or 4 bytes, in which masks say where red, green, blue and alpha are.
    Words([u32; 4]),
}

/// The headers.
struct Bitmap<'a> {
    bytes: &'a [u8],
    width: u32,
    height: u32,
    top_down: bool,
    bits: u16,
    compression: u32,
    /// Where the second header begins.
    base: usize,
    /// Length of the second header: 12 and 16 to 64 are OS/2's, 40 and more Windows'.
    length: usize,
    colors: u32,
    /// Where the pixels begin; 0 where the file does not tell, and they follow the palette.
    start: usize,
}

impl<'a> Bitmap<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let long = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let (base, start) = match bytes.starts_with(b"BM") {
            true => (FILE_HEADER, long(10)? as usize),
            false => (0, 0),
        };
        let length = long(base)? as usize;
        if length == 12 {
            return Some(Self {
                bytes,
                width: word(base + 4)?.into(),
                height: word(base + 6)?.into(),
                top_down: false,
                bits: word(base + 10)?,
                compression: 0,
                base,
                length,
                colors: 0,
                start,
            });
        }
        // Shorter headers lack what comes last, which is 0 then.
        let held = |at: usize| match at + 4 <= length {
            true => long(base + at),
            false => Some(0),
        };
        let height = long(base + 8)?.cast_signed();
        Some(Self {
            bytes,
            width: long(base + 4)?,
            height: height.unsigned_abs(),
            top_down: height < 0,
            bits: word(base + 14)?,
            compression: held(16)?,
            base,
            length,
            colors: held(32)?,
            start,
        })
    }

    /// OS/2's second header gives two compressions other meanings.
    fn os2(&self) -> bool {
        self.length < 40 || self.length == 64
    }

    /// How pixels are stored, or in words what cannot be read.
    fn coding(&self) -> std::result::Result<Coding, String> {
        let variant = match (self.compression, self.bits) {
            (0, 1 | 2 | 4 | 8) => return Ok(Coding::Indices),
            (1, 8) | (2, 4) => return Ok(Coding::Runs),
            (0, 24) => return Ok(Coding::Bytes),
            (0, 16) => return Ok(Coding::Words([0x7c00, 0x3e0, 0x1f, 0])),
            (0, 32) => return Ok(Coding::Words([0xff_0000, 0xff00, 0xff, 0])),
            (3 | 6, 16 | 32) if !self.os2() => match self.masks() {
                Some(masks) => return Ok(Coding::Words(masks)),
                None => "masks that are none".to_owned(),
            },
            (3, 1) => "Huffman coding".to_owned(),
            (4, 24) if self.os2() => "run lengths of 24 bits".to_owned(),
            (4, _) => "JPEG inside".to_owned(),
            (5, _) => "PNG inside".to_owned(),
            (compression @ 0..=6, bits) => format!("{bits} bits with compression {compression}"),
            (compression, _) => format!("compression {compression}"),
        };
        Err(format!("BMP with {variant}"))
    }

    /// Masks follow a header of 40 bytes, or are part of a longer one at the same place.
    fn masks(&self) -> Option<[u32; 4]> {
        let mask = |n: usize| {
            let bytes = self.bytes.get(self.base + 40 + 4 * n..)?.first_chunk()?;
            Some(u32::from_le_bytes(*bytes))
        };
        let alpha = match self.length >= 56 || self.compression == 6 {
            true => mask(3)?,
            false => 0,
        };
        let masks = [mask(0)?, mask(1)?, mask(2)?, alpha];
        let solid = |mask: u32| {
            mask.checked_shr(mask.trailing_zeros())
                .unwrap_or(0)
                .trailing_ones()
        };
        let sound = |mask: &u32| solid(*mask) == mask.count_ones();
        masks.iter().all(sound).then_some(masks)
    }

    /// Where the palette begins, bytes of an entry, and how many of them count.
    fn colors(&self) -> (usize, usize, usize) {
        let entry = if self.length == 12 { 3 } else { 4 };
        let masks = match (self.compression, self.length) {
            (3, 40) => 12,
            (6, 40) => 16,
            _ => 0,
        };
        let most = match self.bits {
            bits @ ..=8 => 1usize << bits,
            _ => 0,
        };
        let count = match self.colors as usize {
            0 => most,
            colors => colors.min(most),
        };
        (self.base + self.length + masks, entry, count)
    }

    /// Where the pixels begin.
    fn start(&self) -> usize {
        match (self.start, self.colors()) {
            (0, (from, entry, count)) => from + entry * count,
            (start, _) => start,
        }
    }

    /// Red, green and blue of every index; what the file does not name is black.
    fn palette(&self) -> [[u8; 3]; 256] {
        let mut palette = [[0; 3]; 256];
        let (from, entry, count) = self.colors();
        // It ends where the pixels begin, whatever the header counts.
        let to = self.start().clamp(from, self.bytes.len().max(from));
        let stored = self.bytes.get(from..to).unwrap_or_default();
        for (color, stored) in palette
            .iter_mut()
            .zip(stored.chunks_exact(entry).take(count))
        {
            if let [blue, green, red, ..] = *stored {
                *color = [red, green, blue];
            }
        }
        palette
    }

    /// Bytes from one row to the next, and those of a row that hold pixels.
    fn strides(&self) -> (usize, usize) {
        let bits = u64::from(self.width) * u64::from(self.bits);
        (bits.div_ceil(32) as usize * 4, bits.div_ceil(8) as usize)
    }
}

/// A bitmap being read, row by row.
struct Pixels<'a> {
    bitmap: Bitmap<'a>,
    coding: Coding,
    alpha: Alpha,
    palette: [[u8; 3]; 256],
    /// Indices of all pixels of a run-length coded picture, by rows as stored.
    indices: Vec<u8>,
    next: usize,
}

impl<'a> Pixels<'a> {
    fn open(bytes: &'a [u8], alpha: Alpha, pulse: &Pulse<'_>) -> Result<Self> {
        let bitmap = Bitmap::parse(bytes).ok_or_else(early)?;
        let coding = bitmap
            .coding()
            .map_err(|format| Error::UnsupportedImageFormat { format })?;
        let mut pixels = Self {
            palette: bitmap.palette(),
            indices: Vec::new(),
            next: 0,
            bitmap,
            coding,
            alpha,
        };
        if coding == Coding::Runs {
            pixels.read_runs(pulse)?;
        } else {
            let (stride, held) = pixels.bitmap.strides();
            let needed = (pixels.bitmap.height as usize - 1)
                .checked_mul(stride)
                .and_then(|rows| rows.checked_add(held)?.checked_add(pixels.bitmap.start()));
            if needed.is_none_or(|needed| needed > bytes.len()) {
                return Err(corrupt(Format::Bmp, "the data ends early"));
            }
        }
        Ok(pixels)
    }

    /// Run lengths: a count and an index (of 4 bits: two in turn), or after a zero the end of the row, of the picture, a
    /// move, or indices as they are to an even number of bytes.
    fn read_runs(&mut self, pulse: &Pulse<'_>) -> Result<()> {
        const STEP: usize = 1 << 16;
        let Bitmap { width, height, .. } = self.bitmap;
        let (width, height) = (width as usize, height as usize);
        pulse.claim((width * height) as u64)?;
        self.indices = zeroed(width * height, pulse)?;
        let halves = self.bitmap.bits == 4;
        let mut rest = self
            .bitmap
            .bytes
            .get(self.bitmap.start()..)
            .unwrap_or_default();
        let (mut x, mut y, mut codes) = (0usize, 0usize, 0usize);
        while y < height {
            codes += 1;
            if codes.is_multiple_of(STEP) {
                pulse.beat();
            }
            let [count, value, tail @ ..] = rest else {
                // A picture of which every row is there needs no end mark.
                return match y + 1 == height && x >= width {
                    true => Ok(()),
                    false => Err(corrupt(Format::Bmp, "the data ends early")),
                };
            };
            rest = tail;
            let row = self
                .indices
                .get_mut(y * width..(y + 1) * width)
                .unwrap_or_default();
            let half = |byte: u8, n: usize| match (halves, n.is_multiple_of(2)) {
                (false, _) => byte,
                (true, true) => byte >> 4,
                (true, false) => byte & 15,
            };
            match (*count, *value) {
                (0, 0) => (x, y) = (0, y + 1),
                (0, 1) => return Ok(()),
                (0, 2) => {
                    let [right, up, tail @ ..] = rest else {
                        return Err(corrupt(Format::Bmp, "the data ends early"));
                    };
                    rest = tail;
                    (x, y) = (x.saturating_add((*right).into()), y + usize::from(*up));
                }
                (0, count) => {
                    let count = usize::from(count);
                    let length = if halves { count.div_ceil(2) } else { count };
                    let (values, _) = rest
                        .split_at_checked(length)
                        .ok_or_else(|| corrupt(Format::Bmp, "the data ends early"))?;
                    rest = rest.get(length.next_multiple_of(2)..).unwrap_or_default();
                    for (n, target) in row.iter_mut().skip(x).take(count).enumerate() {
                        let at = if halves { n / 2 } else { n };
                        *target = half(values.get(at).copied().unwrap_or_default(), n);
                    }
                    x = x.saturating_add(count);
                }
                (count, value) => {
                    let count = usize::from(count);
                    for (n, target) in row.iter_mut().skip(x).take(count).enumerate() {
                        *target = half(value, n);
                    }
                    x = x.saturating_add(count);
                }
            }
        }
        Ok(())
    }
}

impl Rows for Pixels<'_> {
    fn size(&self) -> (usize, usize) {
        (self.bitmap.width as usize, self.bitmap.height as usize)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let (width, height) = self.size();
        let stored = match self.bitmap.top_down {
            true => self.next,
            false => (height - 1).saturating_sub(self.next),
        };
        self.next += 1;
        let out = row.as_chunks_mut::<3>().0;
        if self.coding == Coding::Runs {
            let indices = self.indices.get(stored * width..).unwrap_or_default();
            for (out, index) in out.iter_mut().zip(indices) {
                *out = self.palette[usize::from(*index)];
            }
            return Ok(());
        }
        let (stride, held) = self.bitmap.strides();
        let start = self.bitmap.start() + stored * stride;
        let line = self
            .bitmap
            .bytes
            .get(start..start + held)
            .unwrap_or_default();
        match self.coding {
            Coding::Bytes => {
                for (out, [blue, green, red]) in out.iter_mut().zip(line.as_chunks::<3>().0) {
                    *out = [*red, *green, *blue];
                }
            }
            Coding::Words(masks) if self.bitmap.bits == 16 => {
                for (out, word) in out.iter_mut().zip(line.as_chunks::<2>().0) {
                    *out = unmasked(u16::from_le_bytes(*word).into(), masks, self.alpha);
                }
            }
            Coding::Words(masks) => {
                for (out, word) in out.iter_mut().zip(line.as_chunks::<4>().0) {
                    *out = unmasked(u32::from_le_bytes(*word), masks, self.alpha);
                }
            }
            Coding::Indices | Coding::Runs => {
                let bits = usize::from(self.bitmap.bits);
                for (x, out) in out.iter_mut().enumerate() {
                    let byte = line.get(x * bits / 8).copied().unwrap_or_default();
                    let shift = 8 - bits - x * bits % 8;
                    let index = byte >> shift & (0xff >> (8 - bits));
                    *out = self.palette[usize::from(index)];
                }
            }
        }
        Ok(())
    }
}

/// A pixel of a word, composed by its alpha where it has any.
fn unmasked(word: u32, masks: [u32; 4], alpha: Alpha) -> [u8; 3] {
    let sample = |mask: u32| match mask {
        0 => 0,
        mask => {
            let shift = mask.trailing_zeros();
            let value = u64::from((word & mask) >> shift);
            (value * 255 / u64::from(mask >> shift)) as u8
        }
    };
    let [red, green, blue, opacity] = masks;
    let rgb = [red, green, blue].map(sample);
    match opacity {
        0 => rgb,
        mask => compose(rgb, sample(mask), alpha),
    }
}
