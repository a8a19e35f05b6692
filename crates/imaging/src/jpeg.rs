//! JPEG through libjpeg-turbo's decoder (crate `mozjpeg`), whose pixels are those of Pillow: slow integer
//! DCT, fancy upsampling. Rows come one at a time; only a multi-scan file is buffered, by libjpeg itself.
//!
//! As in Pillow, damage that the decoder can step over (a bad code, bytes between segments) is no error and
//! what follows the picture is not looked at, but data that ends early is an error.

use super::decoder::{self, Decoder, Reader, Request, only_page};
use super::rows::Rows;
use super::source::{Pulse, corrupt};
use super::{Format, exif};
use crate::{Error, Result};
use mozjpeg::decompress::DecompressStarted;
use mozjpeg::{ColorSpace, Compress, Decompress};
use std::io::{self, BufRead, Read};

/// The decoder of JPEG.
pub(super) struct Jpeg;

impl Decoder for Jpeg {
    fn format(&self) -> Format {
        Format::Jpeg
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(&[0xff, 0xd8, 0xff])
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "mozjpeg (libjpeg-turbo)", "4.1.1")]
    }

    fn header(&self, bytes: &[u8], page: u32, pulse: &Pulse<'_>) -> Result<decoder::Header> {
        only_page(page)?;
        let header = Header::parse(bytes, pulse)?;
        Ok(decoder::Header {
            orientation: header.orientation.unwrap_or(1),
            refused: header.refused(),
            ..decoder::Header::new((header.width, header.height))
        })
    }

    fn open<'a>(
        &self,
        bytes: &'a [u8],
        _header: &decoder::Header,
        _request: &Request,
        pulse: &'a Pulse<'a>,
    ) -> Result<Box<dyn Rows + 'a>> {
        Ok(Box::new(Scanlines::open(bytes, pulse)?))
    }
}

/// What precedes the first scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    /// Pixels per row.
    width: u32,
    /// Rows.
    height: u32,
    /// From EXIF, else XMP.
    orientation: Option<u8>,
    /// Marker of the frame header and bits of a sample, which tell whether there is a decoder.
    frame: (u8, u8),
    components: u8,
    /// Whether the first scan holds less than the whole picture: libjpeg then reads all scans at once.
    multi_scan: bool,
}

impl Header {
    /// Walks the segments up to the first scan.
    ///
    /// # Errors
    /// [`Error::CorruptImage`] where there is no frame or scan header.
    fn parse(bytes: &[u8], pulse: &Pulse<'_>) -> Result<Self> {
        let mut header = Self {
            width: 0,
            height: 0,
            orientation: None,
            frame: (0, 0),
            components: 0,
            multi_scan: false,
        };
        let (mut exif, mut xmp) = (None, None);
        let mut rest = bytes.get(2..).unwrap_or_default();
        loop {
            pulse.beat();
            let Some((marker, segment)) = next_segment(&mut rest) else {
                return Err(corrupt(Format::Jpeg, "the header ends early"));
            };
            match (marker, segment) {
                (0xe1, data) if data.starts_with(b"Exif\0\0") => {
                    exif = exif.or_else(|| exif::orientation(data));
                }
                (0xe1, data) if data.starts_with(b"http://ns.adobe.com/xap/1.0/\0") => {
                    xmp = xmp.or_else(|| exif::xmp_orientation(data));
                }
                (0xc4 | 0xc8 | 0xcc, _) => {}
                (0xc0..=0xcf, &[precision, h1, h0, w1, w0, components, ..]) => {
                    header.frame = (marker, precision);
                    header.width = u16::from_be_bytes([w1, w0]).into();
                    header.height = u16::from_be_bytes([h1, h0]).into();
                    header.components = components;
                    header.multi_scan = marker == 0xc2;
                }
                (0xda, &[components, ..]) if header.components > 0 => {
                    header.multi_scan |= components < header.components;
                    header.orientation = exif.or(xmp);
                    break;
                }
                (0xc0..=0xcf | 0xd9 | 0xda, _) => {
                    return Err(corrupt(Format::Jpeg, "no frame header"));
                }
                _ => {}
            }
        }
        if header.width == 0 || header.height == 0 {
            return Err(corrupt(Format::Jpeg, "the picture has no pixels"));
        }
        Ok(header)
    }

    /// The variant where there is no decoder for it: lossless, hierarchical, arithmetic-coded and 12-bit files.
    fn refused(&self) -> Option<String> {
        let ((marker, precision), components) = (self.frame, self.components);
        let format = match (marker, precision, components) {
            (0xc3 | 0xc7 | 0xcb | 0xcf, ..) => "lossless JPEG".to_owned(),
            (0xc9..=0xcf, ..) => "arithmetic-coded JPEG".to_owned(),
            (0xc5 | 0xc6, ..) => "hierarchical JPEG".to_owned(),
            (_, 8, 1 | 3 | 4) => return None,
            (_, 8, _) => format!("JPEG of {components} components"),
            _ => format!("{precision}-bit JPEG"),
        };
        Some(format)
    }
}

/// The next marker of the header and the content of its segment, skipping what belongs to none.
fn next_segment<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    loop {
        let at = rest.iter().position(|&byte| byte == 0xff)?;
        let (&marker, tail) = rest.get(at + 1..)?.split_first()?;
        match marker {
            // A fill byte may be followed by the marker itself.
            0xff => *rest = rest.get(at + 1..)?,
            0x00 | 0x01 | 0xd0..=0xd8 => *rest = tail,
            0xd9 => return Some((marker, &[])),
            _ => {
                let (length, _) = tail.split_first_chunk::<2>()?;
                let (segment, after) =
                    tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                *rest = after;
                return Some((marker, segment.get(2..)?));
            }
        }
    }
}

/// A JPEG being decoded, row by row.
struct Scanlines<'a> {
    /// `None` once all rows were read and the end of the picture was found.
    decoder: Option<DecompressStarted<Feed<'a>>>,
    width: usize,
    height: usize,
    rows_left: usize,
    /// One row of samples as the decoder gives them, of a CMYK picture; empty otherwise.
    cmyk: Vec<u8>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Scanlines<'a> {
    /// Starts decoding.
    fn open(bytes: &'a [u8], pulse: &'a Pulse<'a>) -> Result<Self> {
        let header = Header::parse(bytes, pulse)?;
        let (width, height) = (header.width as usize, header.height as usize);
        if header.multi_scan {
            // libjpeg holds coefficients of two bytes, of components that may all have full size.
            pulse.claim(2 * u64::from(header.components) * width as u64 * height as u64)?;
        }
        let cmyk = header.components == 4;
        let decoder = pulse
            .confine(Format::Jpeg, || {
                let feed = Feed {
                    bytes,
                    position: 0,
                    split: header.multi_scan,
                    pulse,
                };
                let decoder = Decompress::builder()
                    .from_reader(feed)
                    .map_err(unreadable)?;
                if decoder.size() != (width, height) {
                    return Err(corrupt(Format::Jpeg, "contradictory frame headers"));
                }
                let space = if cmyk {
                    ColorSpace::JCS_CMYK
                } else {
                    ColorSpace::JCS_RGB
                };
                decoder.to_colorspace(space).map_err(unreadable)
            })
            .map_err(plain)?;
        Ok(Self {
            decoder: Some(decoder),
            width,
            height,
            rows_left: height,
            cmyk: vec![0; if cmyk { 4 * width } else { 0 }],
            pulse,
        })
    }
}

impl Rows for Scanlines<'_> {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let Self {
            decoder,
            rows_left,
            cmyk,
            pulse,
            ..
        } = self;
        pulse
            .confine(Format::Jpeg, || {
                let Some(scanlines) = decoder.as_mut() else {
                    return Err(corrupt(Format::Jpeg, "the data ends early"));
                };
                let target = if cmyk.is_empty() {
                    &mut *row
                } else {
                    &mut cmyk[..]
                };
                scanlines.read_scanlines_into(target).map_err(unreadable)?;
                *rows_left = rows_left.saturating_sub(1);
                if *rows_left == 0
                    && let Some(finished) = decoder.take()
                {
                    finished.finish().map_err(unreadable)?;
                }
                Ok(())
            })
            .map_err(plain)?;
        for (rgb, cmyk) in row
            .as_chunks_mut::<3>()
            .0
            .iter_mut()
            .zip(cmyk.as_chunks::<4>().0)
        {
            *rgb = rgb_of_inverted(*cmyk);
        }
        Ok(())
    }
}

/// Pillow's CMYK to RGB. JPEG holds CMYK inverted, as Adobe's programs write it, which Pillow assumes of all.
pub(super) fn rgb_of_inverted([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let k = u32::from(k);
    [c, m, y].map(|ink| {
        let product = (255 - u32::from(ink)) * k + 128;
        k.saturating_sub((product + (product >> 8)) >> 8) as u8
    })
}

fn unreadable(error: io::Error) -> Error {
    corrupt(Format::Jpeg, error.to_string())
}

/// libjpeg's message for a reader that fails, which [`Feed`] does only at the end, in plain words.
fn plain(error: Error) -> Error {
    match error {
        Error::CorruptImage { reason, .. } if reason == "Input file read error" => {
            corrupt(Format::Jpeg, "the data ends early")
        }
        error => error,
    }
}

/// Most bytes of a multi-scan file that libjpeg gets at once: less would take it off its fast way.
const PORTION: usize = 1 << 16;

/// What libjpeg reads from.
///
/// At the end it fails, where an ordinary reader would make libjpeg invent the missing end and carry on
/// with grey. A multi-scan file is read at once, so it comes in portions of [`PORTION`], and every scan starts a new one, so that
/// `progress` is called for each: a small file can hold thousands of scans that each cost a pass over the whole picture.
struct Feed<'a> {
    bytes: &'a [u8],
    position: usize,
    split: bool,
    pulse: &'a Pulse<'a>,
}

impl BufRead for Feed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.pulse.beat();
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        if rest.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if !self.split {
            return Ok(rest);
        }
        let portion = rest.get(..PORTION).unwrap_or(rest);
        let mut pairs = portion.get(1..).unwrap_or_default().windows(2);
        let scan = pairs.position(|pair| pair == [0xff, 0xda]);
        Ok(scan.and_then(|at| portion.get(..=at)).unwrap_or(portion))
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.position.saturating_add(amount);
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// Rows that are encoded together, as the format has them.
const ROWS: usize = 16;

/// Pixels of a picture that is compressed as well as possible; a larger one is, in time.
const SMALL: usize = 1 << 20;

/// Encodes RGB pixels as a JPEG of `quality` (0 to 100).
pub(super) fn encode(
    pixels: &[u8],
    (width, height): (usize, usize),
    quality: f32,
    pulse: &Pulse<'_>,
) -> Result<Vec<u8>> {
    pulse.confine(Format::Jpeg, || {
        let mut encoder = Compress::new(ColorSpace::JCS_RGB);
        encoder.set_size(width, height);
        if width * height > SMALL {
            // In one pass over rows as they come, where the best compression takes several over the whole at the end.
            encoder.set_fastest_defaults();
        }
        encoder.set_quality(quality);
        let mut encoder = encoder.start_compress(Vec::new()).map_err(unreadable)?;
        for rows in pixels.chunks(3 * width * ROWS) {
            pulse.beat();
            encoder.write_scanlines(rows).map_err(unreadable)?;
        }
        encoder.finish().map_err(unreadable)
    })
}
