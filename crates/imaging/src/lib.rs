//! Images: from the bytes of a file to the pixels and tensors a vision tower reads.
//!
//! The result is Pillow's, byte for byte: JPEG through libjpeg-turbo's arithmetic, EXIF orientation,
//! conversion to RGB, antialiased resizing in 22-bit fixed point, torchvision's rounded centre crop.
//! Memory is bounded by [`Limits`], checked against the header before a pixel is allocated, and no
//! input, however broken, does more than return an [`Error`].
//!
//! Where the result is not that of Pillow 11.3:
//! - Grey PNG and TIFF of 16 bits are scaled from what they hold; Pillow clips them to white.
//! - TIFF: `tiff::scale` says what becomes of other depths; a thumbnail before the picture is passed over; many kinds are
//!   read that Pillow refuses.
//! - Without [`Preprocess::exif_orientation`] a TIFF stays as stored; Pillow orients it all the same.
//! - Both refuse pictures that are cut off, and both let pass what follows the picture or is missing there: GIF's and
//!   PNG's end marks and checksums, further frames and pages.
//!
//! The way through the files: [`Format`] by magic bytes, `metadata` (orientation, frames) by walking the
//! container, `jpeg`, `png`, `gif`, `tiff` or `raster` for rows of RGB, `region` and `geometry` for what is kept, `weights` and
//! `resample` for the two passes.
//!
//! Whatever takes time calls `progress`, which may unwind: reading, for every few kilobytes; decoding, for every row or
//! strip; and what fills or goes through memory, for every few megabytes. The decoder of WebP reads a picture at once;
//! `aside` lets a large one be left all the same.

mod aside;
mod av1;
mod avif;
mod bmp;
mod camera;
mod canvas;
mod color;
mod crop;
mod decoder;
mod decoders;
pub mod error;
mod exif;
mod foreign;
mod format;
mod geometry;
mod gif;
mod gif_blocks;
mod heic;
mod isobmff;
mod jpeg;
mod jpeg2000;
mod jpegxl;
mod kept;
mod kernel;
mod lab;
mod libheif;
mod markers;
mod metadata;
mod netpbm;
mod photoshop;
mod plan;
mod png;
pub mod preprocess;
mod psd;
mod raster;
mod raw;
mod region;
mod resample;
mod riff;
mod rows;
pub mod signals;
mod source;
mod through_image;
mod thumbnail;
mod tiff;
mod webp;
mod weights;
mod yuv;

pub use decoder::{Page, PageKind, Reader};
pub use decoders::{advice, formats};
pub use error::{Error, Result};
pub use format::Format;
use geometry::Geometry;
pub use heic::use_libheif;
pub use kept::Kept;
pub use metadata::{Moment, taken, words};
use plan::Plan;
use preprocess::{Alpha, ColorProfile, Filter, Preprocess};
pub use region::Region;
use source::Pulse;
pub use thumbnail::thumbnail;

/// What a file's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Format by magic bytes.
    pub format: Format,
    /// Pixels per row as stored, before the orientation is applied.
    pub width: u32,
    /// Rows as stored.
    pub height: u32,
    /// EXIF orientation, 1 to 8; 1 where the file has none.
    pub orientation: u8,
    /// Pictures in the file: frames of an animation, pages of a TIFF; 1 otherwise.
    pub frames: u32,
    /// The variant of the format in words, where there is no decoder for it. A picture that has one may be damaged all the
    /// same.
    pub refused: Option<String>,
}

/// What of a file is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// The page, from 1; `None` for the picture that is meant where none is named.
    pub page: Option<i32>,
    /// The region of that page, the right way up.
    pub region: Region,
}

impl From<Region> for Part {
    fn from(region: Region) -> Self {
        Self { page: None, region }
    }
}

/// What decoding may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest width × height that is decoded. A picture that has more is read only where its format can be read at a
    /// reduced size, which has not.
    pub max_pixels: u64,
    /// Most bytes that a call may hold at a time besides the file, up to a few megabytes.
    pub max_memory: u64,
}

impl Limits {
    /// The error for an image of `width` × `height` pixels.
    fn exceeded(&self, width: u32, height: u32) -> Error {
        Error::ImageTooLarge {
            width: width.into(),
            height: height.into(),
            limit: self.max_pixels,
        }
    }
}

/// Describes a page of an image, from 1, or the picture that is meant, from its header; no pixel is decoded.
///
/// `progress` is called on the way; it may unwind.
///
/// # Errors
/// [`Error::UnknownImageFormat`], [`Error::UnsupportedImageFormat`] for a format that is not read at all,
/// [`Error::CorruptImage`] where the header itself is damaged, or [`Error::NoSuchPage`].
pub fn info(bytes: &[u8], page: Option<i32>, progress: &dyn Fn()) -> Result<Info> {
    let decoder = decoders::decoder(bytes)?;
    let header = decoder.header(bytes, page, &Pulse::new(progress))?;
    let header = decoder::some_pixels(decoder.format(), header)?;
    Ok(Info {
        format: decoder.format(),
        width: header.size.0,
        height: header.size.1,
        orientation: header.orientation,
        frames: header.frames,
        refused: header.refused,
    })
}

/// Describes every page of an image, in their order: the directories of a TIFF and what hangs below them, the frames of an
/// animation; of other files the picture.
///
/// # Errors
/// As [`info`].
pub fn pages(bytes: &[u8], progress: &dyn Fn()) -> Result<Box<dyn Iterator<Item = Page>>> {
    decoders::decoder(bytes)?.pages(bytes, &Pulse::new(progress))
}

/// Decodes a part of `bytes` and carries out `preprocess` up to, not including, the arithmetic on samples: RGB, 8 bits,
/// height × width × 3 of the model.
///
/// The region is one of the picture as the model sees it: turned by its EXIF orientation unless `preprocess` leaves that.
///
/// `progress` is called between rows and while reading; it may unwind.
///
/// # Errors
/// As [`info`]; [`Error::ImageTooLarge`] from the header alone; [`Error::TooMuchMemory`]; [`Error::CorruptImage`] for data
/// that is damaged or ends early, whether the region reaches there or not, unless the format is decoded in parts;
/// [`Error::RegionOutside`]; [`Error::NoSuchPage`].
pub fn pixels(
    bytes: &[u8],
    part: impl Into<Part>,
    preprocess: &Preprocess,
    limits: &Limits,
    progress: &dyn Fn(),
) -> Result<Vec<u8>> {
    let pulse = Pulse::within(limits.max_memory, progress);
    let wish = Wish {
        part: part.into(),
        alpha: preprocess.alpha,
        filter: preprocess.filter,
        oriented: preprocess.exif_orientation,
        colors: preprocess.color_profile,
    };
    let geometry = |size| Geometry::of(size, preprocess, limits);
    read(bytes, wish, limits, geometry, &pulse)
}

/// What is wanted of a picture, besides its size.
struct Wish {
    part: Part,
    alpha: Alpha,
    filter: Filter,
    /// Whether the file's orientation counts.
    oriented: bool,
    colors: ColorProfile,
}

/// Decodes a picture and makes of it what `wish` and `geometry` say.
fn read(
    bytes: &[u8],
    wish: Wish,
    limits: &Limits,
    geometry: impl FnOnce((usize, usize)) -> Result<Geometry>,
    pulse: &Pulse<'_>,
) -> Result<Vec<u8>> {
    let decoder = decoders::decoder(bytes)?;
    let header = decoder.header(bytes, wish.part.page, pulse)?;
    let header = decoder::some_pixels(decoder.format(), header)?;
    header.check(limits)?;
    let (width, height) = header.size;
    let orientation = match wish.oriented {
        true => header.orientation,
        false => 1,
    };
    let plan = Plan::new(
        (width as usize, height as usize),
        orientation,
        wish.part.region,
        geometry,
    )?;
    let profile = || decoder.profile(bytes, wish.part.page, pulse);
    let conversion = match wish.colors {
        ColorProfile::Ignore => None,
        ColorProfile::Srgb => color::Conversion::of(decoder.format(), bytes, profile, pulse),
    };
    let whole = decoder::Request::whole(header.size, wish.part.page, wish.alpha, *limits);
    let request = decoder::Request {
        // The nearest pixel is one of the file.
        enough: match wish.filter {
            Filter::Nearest => whole.enough,
            _ => plan.enough(),
        },
        area: plan.area.clone(),
        conversion: conversion.clone(),
        ..whole
    };
    let mut rows = decoder.open(decoder::Opening {
        bytes,
        header: &header,
        request: &request,
        pulse,
    })?;
    let mut pixels = resample::run(rows.as_mut(), &plan, wish.filter, pulse)?;
    if let Some(conversion) = conversion {
        conversion.run(&mut pixels, pulse);
    }
    Ok(pixels)
}

/// Turns pixels of [`pixels`] into the model's input: `(x · rescale_factor − mean) / std` in single
/// precision, channels first (3 × height × width).
///
/// The product is rounded from double precision, which for 1/255 equals both `torch`'s division by 255 and
/// Hugging Face's float64 rescaling. Samples beyond the shorter of the two slices are left alone.
pub fn normalize(pixels: &[u8], preprocess: &Preprocess, out: &mut [f32]) {
    let plane = pixels.len() / 3;
    if plane == 0 {
        return;
    }
    for (channel, out) in out.chunks_mut(plane).take(3).enumerate() {
        let (mean, std) = (preprocess.mean[channel], preprocess.std[channel]);
        let table: [f32; 256] =
            std::array::from_fn(|x| ((x as f64 * preprocess.rescale_factor) as f32 - mean) / std);
        for (value, pixel) in out.iter_mut().zip(pixels.as_chunks::<3>().0) {
            *value = table[usize::from(pixel[channel])];
        }
    }
}

#[cfg(test)]
mod tests;
