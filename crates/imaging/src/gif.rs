//! GIF: the first frame on its screen, row by row; only an interlaced frame is held as a whole.
//!
//! Pillow paints the part of the screen that the frame leaves free with the frame's transparent colour, or colour 0 of its
//! palette.

use super::Format;
use super::decoder::{Decoder, Header, Opening, Reader, only_page};
use super::raster::{compose, zeroed};
use super::rows::Rows;
use super::source::{Pulse, Source, corrupt};
use crate::{Error, Result};
use gif::{ColorOutput, DecodeOptions, DecodingError};

/// Where the rows of an interlaced frame begin, and how far they are apart, pass by pass.
const PASSES: [(usize, usize); 4] = [(0, 8), (4, 8), (2, 4), (1, 2)];

/// The decoder of GIF.
pub(super) struct Gif;

impl Decoder for Gif {
    fn format(&self) -> Format {
        Format::Gif
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a")
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "gif", "0.14.2")]
    }

    fn header(&self, bytes: &[u8], page: u32, pulse: &Pulse<'_>) -> Result<Header> {
        only_page(page)?;
        Ok(Header {
            frames: frames(bytes, pulse).max(1),
            ..Header::new(size(bytes)?)
        })
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        Ok(Box::new(Screen::open(file)?))
    }
}

/// Width and height of the screen, enlarged to hold the first frame, as in Pillow.
fn size(bytes: &[u8]) -> Result<(u32, u32)> {
    let Some(&[w0, w1, h0, h1]) = bytes.get(6..10) else {
        return Err(corrupt(Format::Gif, "the header ends early"));
    };
    let screen = [u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1])].map(u32::from);
    let [left, top, width, height] = first_frame(bytes).unwrap_or_default().map(u32::from);
    Ok((screen[0].max(left + width), screen[1].max(top + height)))
}

/// Left, top, width and height of the first frame.
fn first_frame(bytes: &[u8]) -> Option<[u16; 4]> {
    let mut rest = bytes.get(13..)?;
    take(&mut rest, palette_length(*bytes.get(10)?))?;
    loop {
        match *take(&mut rest, 1)?.first()? {
            0x21 => drop(take(&mut rest, 1)?),
            0x2c => {
                let words = take(&mut rest, 8)?.as_chunks::<2>().0;
                let word = |n: usize| words.get(n).map_or(0, |word| u16::from_le_bytes(*word));
                return Some(std::array::from_fn(word));
            }
            _ => return None,
        }
        while let length @ 1.. = usize::from(*take(&mut rest, 1)?.first()?) {
            take(&mut rest, length)?;
        }
    }
}

/// Images in the file, up to the trailer or the first damage.
fn frames(bytes: &[u8], pulse: &Pulse<'_>) -> u32 {
    let mut frames = 0;
    count(bytes, &mut frames, pulse);
    frames
}

fn count(bytes: &[u8], frames: &mut u32, pulse: &Pulse<'_>) -> Option<()> {
    let mut rest = bytes.get(13..)?;
    take(&mut rest, palette_length(*bytes.get(10)?))?;
    loop {
        match *take(&mut rest, 1)?.first()? {
            // An extension's label.
            0x21 => drop(take(&mut rest, 1)?),
            0x2c => {
                let descriptor = take(&mut rest, 9)?;
                take(&mut rest, palette_length(*descriptor.get(8)?))?;
                take(&mut rest, 1)?;
                *frames = frames.saturating_add(1);
            }
            _ => return None,
        }
        pulse.beat();
        // Both kinds of block end in sub-blocks, of which an empty one is the last.
        while let length @ 1.. = usize::from(*take(&mut rest, 1)?.first()?) {
            take(&mut rest, length)?;
        }
    }
}

fn palette_length(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// The first frame of a GIF being decoded, row by row.
struct Screen<'a> {
    decoder: gif::Decoder<Source<'a>>,
    width: usize,
    height: usize,
    next: usize,
    /// Left, top, width and height of the frame.
    area: [usize; 4],
    /// What each index stands for, composed over the background.
    palette: [[u8; 3]; 256],
    surround: [u8; 3],
    /// A row of the frame.
    line: Vec<u8>,
    /// All rows of an interlaced frame; empty until it was read.
    whole: Vec<u8>,
    interlaced: bool,
    pulse: &'a Pulse<'a>,
}

impl<'a> Screen<'a> {
    /// Reads up to the first frame.
    fn open(file: Opening<'a, '_>) -> Result<Self> {
        let Opening { bytes, pulse, .. } = file;
        let (width, height) = file.header.size;
        let alpha = file.request.alpha;
        pulse.confine(Format::Gif, || {
            let mut options = DecodeOptions::new();
            options.set_color_output(ColorOutput::Indexed);
            let source = Source::new(bytes, pulse);
            let mut decoder = options.read_info(source).map_err(translate)?;
            let frame = decoder.next_frame_info().map_err(translate)?;
            let Some(frame) = frame else {
                return Err(corrupt(Format::Gif, "there is no frame"));
            };
            let area = [frame.left, frame.top, frame.width, frame.height].map(usize::from);
            let (interlaced, transparent) = (frame.interlaced, frame.transparent.map(usize::from));
            let [left, top, line, rows] = area;
            if line == 0 || rows == 0 {
                return Err(corrupt(Format::Gif, "the frame has no pixels"));
            }
            if left + line > width as usize || top + rows > height as usize {
                return Err(corrupt(Format::Gif, "contradictory headers"));
            }
            let colors = decoder.palette().map_err(translate)?.as_chunks::<3>().0;
            // An index without a colour is transparent, too.
            let palette = std::array::from_fn(|index| match colors.get(index) {
                Some(color) => compose(*color, 255 * u8::from(transparent != Some(index)), alpha),
                None => compose([0; 3], 0, alpha),
            });
            let surround = match transparent {
                Some(index) => compose(colors.get(index).copied().unwrap_or_default(), 0, alpha),
                None => colors.first().copied().unwrap_or_default(),
            };
            Ok(Self {
                decoder,
                width: width as usize,
                height: height as usize,
                next: 0,
                area,
                palette,
                surround,
                line: zeroed(line, pulse)?,
                whole: Vec::new(),
                interlaced,
                pulse,
            })
        })
    }

    /// Reads the next row of the frame that the file has.
    fn read(&mut self) -> Result<()> {
        let Self {
            decoder,
            line,
            pulse,
            ..
        } = self;
        pulse.beat();
        pulse.confine(Format::Gif, || {
            match decoder.fill_buffer(line).map_err(translate)? {
                true => Ok(()),
                false => Err(corrupt(Format::Gif, "the data ends early")),
            }
        })
    }

    fn read_whole(&mut self) -> Result<()> {
        let [_, _, width, height] = self.area;
        self.pulse.claim((width * height) as u64)?;
        self.whole = zeroed(width * height, self.pulse)?;
        for (first, step) in PASSES {
            for y in (first..height).step_by(step) {
                self.read()?;
                if let Some(row) = self.whole.get_mut(y * width..(y + 1) * width) {
                    row.copy_from_slice(&self.line);
                }
            }
        }
        Ok(())
    }

    /// Puts row `y` of the frame into `line`.
    fn fetch(&mut self, y: usize) -> Result<()> {
        if !self.interlaced {
            return self.read();
        }
        if self.whole.is_empty() {
            self.read_whole()?;
        }
        let width = self.line.len();
        let row = self.whole.get(y * width..(y + 1) * width);
        self.line.copy_from_slice(row.unwrap_or_default());
        Ok(())
    }
}

impl Rows for Screen<'_> {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn next_row(&mut self, row: &mut [u8]) -> Result<()> {
        let [left, top, _, height] = self.area;
        let pixels = row.as_chunks_mut::<3>().0;
        pixels.fill(self.surround);
        if let Some(y) = self.next.checked_sub(top).filter(|&y| y < height) {
            self.fetch(y)?;
            let inside = pixels.iter_mut().skip(left);
            for (pixel, &index) in inside.zip(&self.line) {
                *pixel = self.palette[usize::from(index)];
            }
        }
        self.next += 1;
        Ok(())
    }
}

fn translate(error: DecodingError) -> Error {
    let early = matches!(&error, DecodingError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof)
        || matches!(error, DecodingError::UnexpectedEof);
    if early {
        return corrupt(Format::Gif, "the data ends early");
    }
    corrupt(Format::Gif, error.to_string())
}
