//! Images: from the bytes of a file to the pixels and tensors a vision tower reads.
//!
//! The result is Pillow's, byte for byte: JPEG through libjpeg-turbo's arithmetic, EXIF orientation,
//! conversion to RGB, antialiased resizing in 22-bit fixed point, torchvision's rounded centre crop.
//! Memory is bounded by [`Limits`], checked against the header before a pixel is allocated, and no
//! input, however broken, does more than return an [`Error`].
//!
//! Where the result is not that of Pillow 11.3:
//! - Grey PNG and TIFF of 16 bits keep their high byte; Pillow clips them to white.
//! - TIFF holding JPEG goes through another decoder, which differs by a level or two. Many variants of TIFF are
//!   [`Error::UnsupportedImageFormat`], each by its name: `tiff` lists them.
//! - Without [`Preprocess::exif_orientation`] a TIFF stays as stored; Pillow orients it all the same.
//! - Orientation is not looked for in a PNG's text chunks (ImageMagick's former place for EXIF) nor in its
//!   compressed XMP.
//! - PNG and BMP that lack their last bytes (checksum, padding) are refused; Pillow lets that pass. Both
//!   refuse pictures that are cut off, and both let pass what follows the picture: GIF's and PNG's end
//!   marks, further frames and pages.
//!
//! The way through the files: [`Format`] by magic bytes, `metadata` (orientation, frames) by walking the
//! container, `jpeg`, `png`, `gif`, `tiff` or `raster` for rows of RGB, `region` and `geometry` for what is kept, `weights` and
//! `resample` for the two passes.
//!
//! Whatever takes time calls `progress`, which may unwind: reading, for every few kilobytes; decoding, for every row or
//! strip; and what fills or goes through memory, for every few megabytes. The decoder of WebP reads a picture at once;
//! `aside` lets a large one be left all the same.

mod aside;
pub mod error;
mod exif;
mod format;
mod geometry;
mod gif;
mod jpeg;
mod kept;
mod kernel;
mod metadata;
mod png;
pub mod preprocess;
mod raster;
mod region;
mod resample;
pub mod signals;
mod source;
mod taken;
mod thumbnail;
mod tiff;
mod webp;
mod weights;

pub use error::{Error, Result};
pub use format::Format;
pub use kept::Kept;
use preprocess::{Alpha, Preprocess};
pub use region::Region;
use resample::Rows;
use source::Pulse;
pub use taken::{Moment, taken};
pub use thumbnail::thumbnail;

/// What a file's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Format by magic bytes; its name is `image/`'s MIME subtype.
    pub format: Format,
    /// Pixels per row as stored, before the orientation is applied.
    pub width: u32,
    /// Rows as stored.
    pub height: u32,
    /// EXIF orientation, 1 to 8; 1 where the file has none.
    pub orientation: u8,
    /// Pictures in the file: frames of an animation, pages of a TIFF; 1 otherwise.
    pub frames: u32,
    /// Whether there is a decoder for this variant of the format. The picture may be damaged all the same.
    pub decodable: bool,
}

/// What decoding may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest width × height accepted. Decoding holds at most some 20 bytes per pixel of the image.
    pub max_pixels: u64,
}

impl Limits {
    /// Refuses an image of `width` × `height` pixels where it exceeds the limit.
    fn check(&self, width: u32, height: u32) -> Result<()> {
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(Error::ImageTooLarge {
                width: width.into(),
                height: height.into(),
                limit: self.max_pixels,
            });
        }
        Ok(())
    }
}

/// Describes an image from its header; no pixel is decoded.
///
/// `progress` is called on the way; it may unwind.
///
/// # Errors
/// [`Error::UnknownImageFormat`], [`Error::UnsupportedImageFormat`] for a format that is not read at all, or
/// [`Error::CorruptImage`] where the header itself is damaged.
pub fn info(bytes: &[u8], progress: &dyn Fn()) -> Result<Info> {
    let format = Format::of(bytes)?;
    let pulse = Pulse::new(progress);
    let ((width, height), supported) = match format {
        Format::Jpeg => {
            let header = jpeg::Header::parse(bytes, &pulse)?;
            ((header.width, header.height), header.supported())
        }
        Format::Png => (png::size(bytes)?, Ok(())),
        Format::Gif => (gif::size(bytes)?, Ok(())),
        Format::Tiff => {
            let header = tiff::Header::parse(bytes)?;
            ((header.width, header.height), header.supported(bytes))
        }
        Format::WebP | Format::Bmp => (
            raster::size(format, bytes, &pulse)?,
            raster::supported(format, bytes, &pulse),
        ),
    };
    if width == 0 || height == 0 {
        return Err(source::corrupt(format, "the picture has no pixels"));
    }
    let metadata = metadata::read(format, bytes, &pulse);
    Ok(Info {
        format,
        width,
        height,
        orientation: metadata.orientation,
        frames: metadata.frames,
        decodable: !matches!(supported, Err(Error::UnsupportedImageFormat { .. })),
    })
}

/// Decodes the first picture of `bytes`, cuts `region` out of it and carries out `preprocess` up to, not including, the
/// arithmetic on samples: RGB, 8 bits, height × width × 3 of the model.
///
/// The region is one of the picture as the model sees it: turned by its EXIF orientation unless `preprocess` leaves that.
///
/// `progress` is called between rows and while reading; it may unwind.
///
/// # Errors
/// As [`info`]; [`Error::ImageTooLarge`] from the header alone; [`Error::CorruptImage`] for data that is
/// damaged or ends early, whether the region reaches there or not; [`Error::RegionOutside`].
pub fn pixels(
    bytes: &[u8],
    region: Region,
    preprocess: &Preprocess,
    limits: &Limits,
    progress: &dyn Fn(),
) -> Result<Vec<u8>> {
    let pulse = Pulse::new(progress);
    let mut picture = open(bytes, preprocess.alpha, limits, &pulse)?;
    picture.prepared(region, preprocess, limits, &pulse)
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

/// An image whose header was read and found within the limits.
struct Picture<'a> {
    orientation: u8,
    rows: Box<dyn Rows + 'a>,
}

impl Picture<'_> {
    /// What a model reads of a region of this.
    fn prepared(
        &mut self,
        region: Region,
        preprocess: &Preprocess,
        limits: &Limits,
        pulse: &Pulse<'_>,
    ) -> Result<Vec<u8>> {
        let orientation = match preprocess.exif_orientation {
            true => self.orientation,
            false => 1,
        };
        resample::run(
            self.rows.as_mut(),
            orientation,
            region,
            |size| geometry::Geometry::of(size, preprocess, limits),
            preprocess.filter,
            pulse,
        )
    }
}

fn open<'a>(
    bytes: &'a [u8],
    alpha: Alpha,
    limits: &Limits,
    pulse: &'a Pulse<'a>,
) -> Result<Picture<'a>> {
    let format = Format::of(bytes)?;
    let rows: Box<dyn Rows + 'a> = match format {
        Format::Jpeg => Box::new(jpeg::Scanlines::open(bytes, limits, pulse)?),
        Format::Png => Box::new(png::Scanlines::open(bytes, alpha, limits, pulse)?),
        Format::Gif => Box::new(gif::Screen::open(bytes, alpha, limits, pulse)?),
        Format::Tiff => Box::new(tiff::Bands::open(bytes, alpha, limits, pulse)?),
        Format::WebP | Format::Bmp => {
            Box::new(raster::Raster::decode(format, bytes, alpha, limits, pulse)?)
        }
    };
    Ok(Picture {
        orientation: metadata::read(format, bytes, pulse).orientation,
        rows,
    })
}

#[cfg(test)]
mod tests;
