//! JPEG XL through `jxl-oxide`; the frames of an animation are its pages.
//!
//! The decoder holds the picture as floating-point numbers, counts what it allocates and is given a bound. It cannot be
//! asked to stop, so that pictures are decoded aside, small ones too: any may be composed of thousands of frames, each of
//! which takes milliseconds for its matrices alone. Of a region it decodes the groups that the region needs. It turns the
//! picture itself, as the format wants of every decoder: orientation in an EXIF block does not count.

use super::Format;
use super::aside;
use super::decoder::{Decoder, Header, Opening, Reader, nth};
use super::jpeg::rgb_of_inverted;
use super::raster::{Raster, zeroed};
use super::region::Area;
use super::rows::{Rows, View};
use super::source::{Pulse, corrupt};
use crate::{Error, Result};
use jxl_oxide::{
    AllocTracker, CropInfo, EnumColourEncoding, InitializeResult, JxlImage, JxlThreadPool,
    PixelFormat, RenderingIntent,
};
use std::borrow::Cow;

/// The decoder of JPEG XL.
pub(super) struct JpegXl;

/// Bytes that are fed to the decoder before it is asked again.
const PORTION: usize = 1 << 14;

/// Bytes that reading the header takes at most.
const OVERHEAD: u64 = 64 << 20;

/// Frames, shown or not, that a picture may be composed of.
///
/// The decoder calls itself for the frames that a frame refers to, and these refer to those before them. Tests are content
/// with fewer, which any program can decode.
const MOST_FRAMES: usize = if cfg!(test) { 64 } else { 4096 };

/// Bytes of stack for so many: a frame takes some 2 kB.
const STACK: usize = MOST_FRAMES << 13;

impl Decoder for JpegXl {
    fn format(&self) -> Format {
        Format::JpegXl
    }

    fn recognizes(&self, bytes: &[u8]) -> bool {
        matches!(
            bytes,
            [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..]
        )
    }

    fn readers(&self) -> Vec<Reader> {
        vec![Reader::built_in("", "jxl-oxide", "0.12.6")]
    }

    fn header(&self, bytes: &[u8], page: Option<i32>, pulse: &Pulse<'_>) -> Result<Header> {
        pulse.confine(Format::JpegXl, || {
            let (mut image, rest) = begin(bytes, OVERHEAD, pulse)?;
            let size = (image.width(), image.height());
            let mut frames = 1;
            if image.image_header().metadata.animation.is_some() {
                // Best effort, as in other formats: as many as are whole.
                let _ = feed(&mut image, rest, pulse, |_| false);
                frames = (0..MOST_FRAMES as u32)
                    .take_while(|n| is_shallow(&image, *n as usize) == Some(true))
                    .count() as u32;
            }
            nth(page, frames.max(1))?;
            Ok(Header {
                frames: frames.max(1),
                ..Header::new(size)
            })
        })
    }

    /// What the numbers mean that are handed out: of the file's own profile, unless the decoder makes sRGB of them, or one
    /// made of what it says of primaries and transfer.
    fn profile<'a>(
        &self,
        bytes: &'a [u8],
        _page: Option<i32>,
        pulse: &Pulse<'_>,
    ) -> Option<Cow<'a, [u8]>> {
        let (image, _) = begin(bytes, OVERHEAD, pulse).ok()?;
        let xyb = image.image_header().metadata.xyb_encoded;
        match image.original_icc() {
            Some(_) if xyb => None,
            Some(profile) => Some(Cow::Owned(profile.to_vec())),
            // Brightness of wide range would have to be mapped as well.
            None if image.hdr_type().is_some() => None,
            // sRGB, and BT.709, which is shown so.
            None if matches!(image.rendered_cicp(), Some([1, 1 | 13, ..])) => None,
            None => Some(Cow::Owned(image.rendered_icc())),
        }
    }

    fn open<'a>(&self, file: Opening<'a, '_>) -> Result<Box<dyn Rows + 'a>> {
        let Opening {
            bytes,
            header,
            request,
            pulse,
        } = file;
        let area = request.area.clone();
        let (width, height) = (area.columns.len() as u32, area.rows.len() as u32);
        let view = View {
            origin: (area.columns.start as f64, area.rows.start as f64),
            step: (1.0, 1.0),
        };
        // What the file is copied to, aside and by the decoder, and the result; the decoder counts the rest itself.
        pulse.claim(2 * bytes.len() as u64 + 5 * u64::from(width) * u64::from(height))?;
        let memory = pulse.unclaimed();
        let frame = nth(request.page, header.frames)? as usize;
        let decode = move |bytes: &[u8], pulse: &Pulse<'_>| {
            pulse.confine(Format::JpegXl, || {
                decode(bytes, frame, &area, memory, pulse)
            })
        };
        let decoded = aside::run_deep(STACK, bytes, pulse, decode);
        if let Err(Error::OutOfMemory { bytes }) = decoded {
            pulse.claim(memory.saturating_add(bytes as u64))?;
        }
        let (samples, channels) = decoded?;
        let raster = Raster::new(samples, channels, (width, height), request.alpha);
        Ok(Box::new(raster.lying(view)))
    }
}

/// The decoder's errors, of which one is that it has reached its bound on memory.
fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let mut cause: Option<&dyn std::error::Error> = Some(&*error);
    while let Some(error) = cause {
        let words = error.to_string();
        if let Some(words) = words.strip_prefix("failed to allocate ") {
            let number = words.split(' ').next().unwrap_or_default();
            return Error::OutOfMemory {
                bytes: number.parse().unwrap_or(usize::MAX),
            };
        }
        cause = error.source();
    }
    corrupt(Format::JpegXl, error.to_string())
}

/// Reads the header; what follows it was not read.
fn begin<'a>(bytes: &'a [u8], memory: u64, pulse: &Pulse<'_>) -> Result<(JxlImage, &'a [u8])> {
    let memory = usize::try_from(memory).unwrap_or(usize::MAX);
    let mut image = JxlImage::builder()
        .pool(JxlThreadPool::none())
        .alloc_tracker(AllocTracker::with_limit(memory))
        .build_uninit();
    let mut at = 0;
    let mut portion = PORTION;
    loop {
        pulse.beat();
        let rest = bytes.get(at..).unwrap_or_default();
        let fed = rest.get(..portion).unwrap_or(rest);
        let taken = image.feed_bytes(fed).map_err(failed)?;
        at += taken;
        image = match image.try_init().map_err(failed)? {
            InitializeResult::Initialized(image) => {
                return Ok((image, bytes.get(at..).unwrap_or_default()));
            }
            InitializeResult::NeedMoreData(image) => image,
        };
        if taken == 0 && fed.len() == rest.len() {
            return Err(corrupt(Format::JpegXl, "the header ends early"));
        }
        // A box's header was cut in two.
        portion = if taken == 0 { portion * 2 } else { PORTION };
    }
}

/// Whether a frame that is shown, from 0, is among the first [`MOST_FRAMES`], where it has been read.
fn is_shallow(image: &JxlImage, shown: usize) -> Option<bool> {
    let frame = image.frame_by_keyframe(shown)?;
    Some(frame.index() < MOST_FRAMES)
}

/// Feeds the decoder until `enough`, or until there is no more, or there are too many frames.
fn feed(
    image: &mut JxlImage,
    mut rest: &[u8],
    pulse: &Pulse<'_>,
    enough: impl Fn(&JxlImage) -> bool,
) -> Result<()> {
    let mut portion = PORTION;
    while !enough(image)
        && image.num_loaded_frames() <= MOST_FRAMES
        && !image.is_loading_done()
        && !rest.is_empty()
    {
        pulse.beat();
        let fed = rest.get(..portion).unwrap_or(rest);
        let taken = image.feed_bytes(fed).map_err(failed)?;
        if taken == 0 && fed.len() == rest.len() {
            break;
        }
        rest = rest.get(taken..).unwrap_or_default();
        portion = if taken == 0 { portion * 2 } else { PORTION };
    }
    Ok(())
}

/// Samples of an area of a frame, from 0, and how many make a pixel.
fn decode(
    bytes: &[u8],
    frame: usize,
    area: &Area,
    memory: u64,
    pulse: &Pulse<'_>,
) -> Result<(Vec<u8>, usize)> {
    let (mut image, rest) = begin(bytes, memory, pulse)?;
    feed(&mut image, rest, pulse, |image| {
        image.num_loaded_keyframes() > frame
    })?;
    match is_shallow(&image, frame) {
        Some(true) => {}
        None if image.num_loaded_frames() <= MOST_FRAMES => {
            return Err(corrupt(Format::JpegXl, "the data ends early"));
        }
        _ => {
            return Err(Error::UnsupportedImageFormat {
                format: format!("JPEG XL composed of more than {MOST_FRAMES} frames"),
            });
        }
    }
    // Colours of the format's own kind are told by sRGB; others stay as they are, whatever their profile.
    let metadata = &image.image_header().metadata;
    if metadata.xyb_encoded && image.original_icc().is_some() {
        let srgb = match metadata.grayscale() {
            true => EnumColourEncoding::gray_srgb(RenderingIntent::Relative),
            false => EnumColourEncoding::srgb(RenderingIntent::Relative),
        };
        image.request_color_encoding(srgb);
    }
    image.set_image_region(CropInfo {
        width: area.columns.len() as u32,
        height: area.rows.len() as u32,
        left: area.columns.start as u32,
        top: area.rows.start as u32,
    });
    pulse.beat();
    let format = image.pixel_format();
    let render = image.render_frame_cropped(frame).map_err(failed)?;
    let mut stream = render.stream();
    let channels = stream.channels() as usize;
    if (stream.width() as usize, stream.height() as usize) != area.size()
        || channels != format.channels()
    {
        return Err(corrupt(Format::JpegXl, "contradictory headers"));
    }
    let mut samples = zeroed(channels * area.columns.len() * area.rows.len(), pulse)?;
    for row in samples.chunks_exact_mut(channels * area.columns.len()) {
        pulse.beat();
        stream.write_to_buffer(row);
    }
    Ok(match format {
        PixelFormat::Cmyk => (of_inks::<4>(&samples, pulse)?, 3),
        PixelFormat::Cmyka => (of_inks::<5>(&samples, pulse)?, 4),
        _ => (samples, channels),
    })
}

/// RGB of ink, which the format holds inverted, and what there is of alpha.
fn of_inks<const N: usize>(samples: &[u8], pulse: &Pulse<'_>) -> Result<Vec<u8>> {
    let mut out = zeroed(samples.len() / N * (N - 1), pulse)?;
    let pixels = samples.as_chunks::<N>().0.iter();
    for (out, pixel) in out.chunks_exact_mut(N - 1).zip(pixels) {
        let (inks, alpha) = pixel.split_at(4);
        let rgb = rgb_of_inverted(*inks.first_chunk().unwrap_or(&[0; 4]));
        let (color, rest) = out.split_at_mut(3);
        color.copy_from_slice(&rgb);
        rest.copy_from_slice(alpha);
    }
    Ok(out)
}
