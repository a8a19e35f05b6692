//! GIF: the first frame on its screen, row by row; only an interlaced frame is held as a whole. Later frames are
//! drawn over each other by `animation`.
//!
//! Pillow paints the part of the screen that the frame leaves free with the frame's transparent colour, or colour 0 of its
//! palette.

mod animation;

use super::Format;
use super::decoder::{Decoder, Header, Opening, Page, Reader, nth};
use super::gif_blocks::{Block, Blocks};
use super::raster::{compose, zeroed};
use super::rows::Rows;
use super::source::{Pulse, Source, corrupt};
use crate::{Error, Result};
use gif::{ColorOutput, DecodeOptions, DecodingError};
use std::iter::repeat_n;

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

    fn header(&self, bytes: &[u8], page: Option<i32>, pulse: &Pulse<'_>) -> Result<Header> {
        let mut size = (0, 0);
        let wanted = page.and_then(|page| u32::try_from(page).ok()).unwrap_or(1);
        let mut frames = 0;
        for grown in sizes(bytes, pulse)? {
            frames += 1;
            if frames <= wanted.max(1) {
                size = grown;
            }
        }
        nth(page, frames)?;
        Ok(Header {
            frames,
            ..Header::new(size)
        })
    }

    fn pages(&self, bytes: &[u8], pulse: &Pulse<'_>) -> Result<Box<dyn Iterator<Item = Page>>> {
        // Runs of frames that leave the screen as it is.
        let mut runs: Vec<((u32, u32), usize)> = Vec::new();
        for size in sizes(bytes, pulse)? {
            match runs.last_mut() {
                Some((last, count)) if *last == size => *count += 1,
                _ => runs.push((size, 1)),
            }
        }
        let pages = runs.into_iter();
        let pages = pages.flat_map(|(size, count)| repeat_n(Page::full(size), count));
        Ok(Box::new(pages))
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        match nth(file.request.page, file.header.frames)? {
            0 => Ok(Box::new(Screen::open(file)?)),
            n => Ok(Box::new(animation::composed(file, n)?)),
        }
    }
}

/// Width and height of the screen after each frame: it is enlarged to hold them, as in Pillow.
fn sizes(bytes: &[u8], pulse: &Pulse<'_>) -> Result<impl Iterator<Item = (u32, u32)>> {
    let Some(&[w0, w1, h0, h1]) = bytes.get(6..10) else {
        return Err(corrupt(Format::Gif, "the header ends early"));
    };
    let screen = (u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1]));
    let mut size = (u32::from(screen.0), u32::from(screen.1));
    let mut frames = Blocks::of(bytes, pulse).filter_map(|block| match block {
        Block::Frame(area) => Some(area),
        Block::Extension(..) => None,
    });
    let mut first = true;
    Ok(std::iter::from_fn(move || {
        let frame = frames.next();
        // A file without a frame has a screen all the same.
        let [left, top, width, height] = match (frame, std::mem::take(&mut first)) {
            (None, false) => return None,
            (frame, _) => frame.unwrap_or_default().map(u32::from),
        };
        size = (size.0.max(left + width), size.1.max(top + height));
        Some(size)
    }))
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
            let mut decoder = decoder(bytes, pulse)?;
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

/// A decoder that has read up to the first frame.
fn decoder<'a>(bytes: &'a [u8], pulse: &'a Pulse<'a>) -> Result<gif::Decoder<Source<'a>>> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options
        .read_info(Source::new(bytes, pulse))
        .map_err(translate)
}

fn translate(error: DecodingError) -> Error {
    let early = matches!(&error, DecodingError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof)
        || matches!(error, DecodingError::UnexpectedEof);
    if early {
        return corrupt(Format::Gif, "the data ends early");
    }
    corrupt(Format::Gif, error.to_string())
}
