//! Where containers keep what is said of a picture: blocks of EXIF, XMP, IPTC and colour profiles.
//!
//! Nothing is copied or inflated before it is asked for, and a damaged container has the blocks before the damage.

use crate::gif_blocks::{self, portions};
use crate::isobmff::Boxes;
use crate::photoshop::{self, Resources};
use crate::riff::Chunks;
use crate::source::Pulse;
use crate::{Format, markers};
use brotli_decompressor::Decompressor;
use std::borrow::Cow;
use std::io::Read;

/// Bytes that a compressed block may have when inflated.
const LONGEST: u64 = 1 << 24;

/// Blocks that are looked at.
const MOST: usize = 1 << 10;

/// Boxes of JPEG 2000: Adobe's for XMP, and those of IPTC and of Photoshop's resources.
const XMP_UUID: &[u8; 16] = b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac";
const IPTC_UUID: &[u8; 16] = b"\x33\xc7\xa4\xd2\xb8\x1d\x47\x23\xa0\xba\xf1\xa3\xe0\x97\xad\x38";
const RESOURCES_UUID: &[u8; 16] =
    b"\x2c\x4c\x01\x00\x85\x04\x40\xb9\xa0\x3e\x56\x21\x48\xd6\xdf\xeb";

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A TIFF structure, perhaps after `Exif\0\0`.
    Exif,
    /// An XMP packet.
    Xmp,
    /// IPTC datasets.
    Iptc,
    /// An ICC profile, or the part of one with this number.
    Profile(u8),
    /// Pictures in the file, for what has a count of them.
    Frames(u32),
    /// ITU-T H.273 code points: primaries, transfer, matrix and whether samples have the full range.
    CodePoints,
}

/// How the block is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Plain,
    Deflated,
    /// ImageMagick's form: name, length and digits.
    Digits,
    DeflatedDigits,
    /// Brotli, after whose four bytes of an EXIF block comes the offset of its TIFF structure.
    Brotli,
    /// GIF's portions, each after its length.
    Portions,
}

/// A block of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    pub(crate) kind: Kind,
    stored: Stored,
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    pub(crate) fn plain(kind: Kind, bytes: &'a [u8]) -> Self {
        Self {
            kind,
            stored: Stored::Plain,
            bytes,
        }
    }

    /// The content; `None` where it is damaged.
    pub(crate) fn content(&self) -> Option<Cow<'a, [u8]>> {
        match self.stored {
            Stored::Plain => Some(Cow::Borrowed(self.bytes)),
            Stored::Deflated => inflated(self.bytes).map(Cow::Owned),
            Stored::Digits => digits(self.bytes).map(Cow::Owned),
            Stored::DeflatedDigits => digits(&inflated(self.bytes)?).map(Cow::Owned),
            Stored::Brotli => {
                let content = unpacked(Decompressor::new(self.bytes, 1 << 12))?;
                Some(Cow::Owned(match self.kind {
                    Kind::Exif => behind_offset(&content)?.to_vec(),
                    _ => content,
                }))
            }
            Stored::Portions => {
                let bytes = portions(self.bytes).flatten().copied();
                Some(Cow::Owned(bytes.take(LONGEST as usize).collect()))
            }
        }
    }
}

/// The blocks of a file, in its order.
pub(crate) struct Blocks<'a>(Vec<Block<'a>>);

impl<'a> Blocks<'a> {
    /// Walks the container. TIFF, whose blocks are its directories, has a reader of its own.
    pub(crate) fn of(format: Format, bytes: &'a [u8], pulse: &Pulse<'_>) -> Self {
        let mut blocks = Self(Vec::new());
        match format {
            Format::Jpeg => blocks.jpeg(bytes, pulse),
            Format::Png => blocks.png(bytes, pulse),
            Format::WebP => blocks.webp(bytes, pulse),
            Format::Gif => blocks.gif(bytes, pulse),
            Format::Jpeg2000 => blocks.jpeg2000(bytes, pulse),
            Format::JpegXl => blocks.jpegxl(bytes, pulse),
            Format::Psd => blocks.resources(photoshop::resources(bytes).unwrap_or_default()),
            _ => {}
        }
        blocks
    }

    fn push(&mut self, block: Block<'a>) {
        if self.0.len() < MOST {
            self.0.push(block);
        }
    }

    fn plain(&mut self, kind: Kind, bytes: &'a [u8]) {
        self.push(Block::plain(kind, bytes));
    }

    fn jpeg(&mut self, bytes: &'a [u8], pulse: &Pulse<'_>) {
        for (marker, data) in markers::segments(bytes) {
            pulse.beat();
            let kinds: [(u8, &[u8], Kind); 3] = [
                (0xe1, b"Exif\0\0", Kind::Exif),
                (0xe1, b"http://ns.adobe.com/xap/1.0/\0", Kind::Xmp),
                (0xe2, b"ICC_PROFILE\0", Kind::Profile(0)),
            ];
            for (number, prefix, kind) in kinds {
                match data.strip_prefix(prefix).filter(|_| marker == number) {
                    Some([part, _, rest @ ..]) if matches!(kind, Kind::Profile(_)) => {
                        self.plain(Kind::Profile(*part), rest);
                    }
                    Some(rest) => self.plain(kind, rest),
                    None => {}
                }
            }
            if let Some(rest) = data
                .strip_prefix(b"Photoshop 3.0\0")
                .filter(|_| marker == 0xed)
            {
                self.resources(rest);
            }
        }
    }

    /// Photoshop's image resources.
    pub(crate) fn resources(&mut self, bytes: &'a [u8]) {
        for (number, content) in Resources(bytes) {
            match number {
                0x0404 => self.plain(Kind::Iptc, content),
                0x040f => self.plain(Kind::Profile(0), content),
                0x0422 => self.plain(Kind::Exif, content),
                0x0424 => self.plain(Kind::Xmp, content),
                _ => {}
            }
        }
    }

    /// PNG: `eXIf`, `iCCP`, `cICP` and `acTL` wherever they stand, XMP in `iTXt`, and ImageMagick's raw profiles in any
    /// kind of text.
    fn png(&mut self, bytes: &'a [u8], pulse: &Pulse<'_>) {
        let mut rest = bytes.get(8..).unwrap_or_default();
        while let Some((head, tail)) = rest.split_first_chunk::<8>() {
            pulse.beat();
            let [a, b, c, d, kind @ ..] = *head;
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            let Some(data) = tail.get(..length) else {
                break;
            };
            match &kind {
                b"eXIf" => self.plain(Kind::Exif, data),
                b"cICP" => self.plain(Kind::CodePoints, data),
                b"acTL" => {
                    if let Some((count, _)) = data.split_first_chunk::<4>() {
                        self.plain(Kind::Frames(u32::from_be_bytes(*count)), &[]);
                    }
                }
                b"iCCP" => {
                    if let Some((_, [0, bytes @ ..])) = named(data) {
                        self.push(Block {
                            kind: Kind::Profile(0),
                            stored: Stored::Deflated,
                            bytes,
                        });
                    }
                }
                b"tEXt" => self.text(named(data), false),
                b"zTXt" => {
                    let text =
                        named(data).and_then(|(name, rest)| Some((name, rest.strip_prefix(&[0])?)));
                    self.text(text, true);
                }
                b"iTXt" => {
                    if let Some((name, [deflated, 0, rest @ ..])) = named(data) {
                        // The language and the translated name.
                        let text = named(rest).and_then(|(_, rest)| named(rest));
                        self.text(text.map(|(_, text)| (name, text)), *deflated == 1);
                    }
                }
                b"IEND" => break,
                _ => {}
            }
            rest = tail.get(length + 4..).unwrap_or_default();
        }
    }

    fn text(&mut self, text: Option<(&'a [u8], &'a [u8])>, deflated: bool) {
        let Some((name, bytes)) = text else { return };
        if name == b"Raw profile type APP1" {
            // Either of the two that JPEG keeps in this marker.
            self.text(Some((b"Raw profile type xmp", bytes)), deflated);
        }
        let (kind, digits) = match name {
            b"XML:com.adobe.xmp" => (Kind::Xmp, false),
            b"Raw profile type exif" | b"Raw profile type APP1" => (Kind::Exif, true),
            b"Raw profile type xmp" => (Kind::Xmp, true),
            b"Raw profile type iptc" | b"Raw profile type 8bim" => (Kind::Iptc, true),
            _ => return,
        };
        let stored = match (deflated, digits) {
            (false, false) => Stored::Plain,
            (true, false) => Stored::Deflated,
            (false, true) => Stored::Digits,
            (true, true) => Stored::DeflatedDigits,
        };
        self.push(Block {
            kind,
            stored,
            bytes,
        });
    }

    /// WebP: RIFF chunks `EXIF`, `XMP `, `ICCP` and one `ANMF` per frame.
    fn webp(&mut self, bytes: &'a [u8], pulse: &Pulse<'_>) {
        let mut frames = 0;
        for (kind, data) in Chunks::of(bytes) {
            pulse.beat();
            match kind {
                b"EXIF" => self.plain(Kind::Exif, data),
                b"XMP " => self.plain(Kind::Xmp, data),
                b"ICCP" => self.plain(Kind::Profile(0), data),
                b"ANMF" => frames += 1,
                _ => {}
            }
        }
        self.0.push(Block::plain(Kind::Frames(frames), &[]));
    }

    /// GIF: application extensions of Adobe's, and of the ICC's.
    fn gif(&mut self, bytes: &'a [u8], pulse: &Pulse<'_>) {
        for block in gif_blocks::Blocks::of(bytes, pulse) {
            let gif_blocks::Block::Extension(0xff, data) = block else {
                continue;
            };
            // The name, the first portion, has eleven bytes.
            let Some((name, data)) = data.split_at_checked(12) else {
                continue;
            };
            match name {
                b"\x0bICCRGBG1012" => self.push(Block {
                    kind: Kind::Profile(0),
                    stored: Stored::Portions,
                    bytes: data,
                }),
                // The packet stands as it is; a trailer leads those who take it for portions out of it.
                b"\x0bXMP DataXMP" => match data.split_at_checked(data.len().saturating_sub(257)) {
                    Some((packet, [1, 0xff, 0xfe, ..])) => self.plain(Kind::Xmp, packet),
                    _ => self.push(Block {
                        kind: Kind::Xmp,
                        stored: Stored::Portions,
                        bytes: data,
                    }),
                },
                _ => {}
            }
        }
    }

    /// JPEG 2000: boxes that a UUID names. The profile is the decoder's to tell, which knows what counts.
    fn jpeg2000(&mut self, bytes: &'a [u8], pulse: &Pulse<'_>) {
        for (kind, content) in container(bytes) {
            pulse.beat();
            let Some((uuid, content)) = content
                .split_first_chunk::<16>()
                .filter(|_| kind == *b"uuid")
            else {
                continue;
            };
            match uuid {
                b"JpgTiffExif->JP2" => self.plain(Kind::Exif, content),
                XMP_UUID => self.plain(Kind::Xmp, content),
                IPTC_UUID => self.plain(Kind::Iptc, content),
                RESOURCES_UUID => self.resources(content),
                _ => {}
            }
        }
    }

    /// JPEG XL: boxes of the container, also those that Brotli has compressed.
    fn jpegxl(&mut self, bytes: &'a [u8], pulse: &Pulse<'_>) {
        for (kind, content) in container(bytes) {
            pulse.beat();
            let told = |kind: &[u8]| match kind {
                b"Exif" => Some(Kind::Exif),
                b"xml " => Some(Kind::Xmp),
                _ => None,
            };
            match (&kind, content.split_at_checked(4)) {
                (b"brob", Some((kind, bytes))) => {
                    if let Some(kind) = told(kind) {
                        self.push(Block {
                            kind,
                            stored: Stored::Brotli,
                            bytes,
                        });
                    }
                }
                (b"Exif", _) => {
                    if let Some(block) = behind_offset(content) {
                        self.plain(Kind::Exif, block);
                    }
                }
                (kind, _) => {
                    if let Some(kind) = told(kind) {
                        self.plain(kind, content);
                    }
                }
            }
        }
    }

    /// Pictures in the file, as far as its container counts them.
    pub(crate) fn frames(&self) -> Option<u32> {
        self.0.iter().find_map(|block| match block.kind {
            Kind::Frames(frames) => Some(frames),
            _ => None,
        })
    }

    /// The blocks of a kind.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = Cow<'a, [u8]>> {
        let wanted = self.0.iter().filter(move |block| block.kind == kind);
        wanted.filter_map(Block::content)
    }

    /// EXIF, which JPEG continues in a second segment where one is too small.
    pub(crate) fn exif(&self) -> Option<Cow<'a, [u8]>> {
        let mut blocks = self.all(Kind::Exif);
        let first = blocks.next()?;
        Some(blocks.fold(first, |mut whole, more| {
            // A second block is not always a continuation; then what follows the first one does no harm.
            whole.to_mut().extend_from_slice(&more);
            whole
        }))
    }

    /// The ICC profile, put together from its parts.
    pub(crate) fn profile(&self) -> Option<Cow<'a, [u8]>> {
        let number = |block: &&Block<'a>| match block.kind {
            Kind::Profile(number) => Some(number),
            _ => None,
        };
        let mut parts: Vec<_> = self
            .0
            .iter()
            .filter(|block| number(block).is_some())
            .collect();
        parts.sort_by_key(number);
        // A part that comes twice, as in files put together from others, counts once.
        parts.dedup_by_key(|block| number(block));
        match parts.as_slice() {
            [] => None,
            [whole] => whole.content(),
            parts => {
                let contents = parts.iter().filter_map(|part| part.content());
                Some(Cow::Owned(contents.collect::<Vec<_>>().concat()))
            }
        }
    }
}

/// The boxes of a file of JPEG 2000 or JPEG XL. One that begins with a marker is a stream of codes alone, without boxes.
fn container(bytes: &[u8]) -> Boxes<'_> {
    match bytes.starts_with(&[0xff]) {
        true => Boxes(&[]),
        false => Boxes(bytes),
    }
}

/// A name that ends with a zero, and what follows it.
fn named(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = data.iter().position(|&byte| byte == 0)?;
    Some((data.get(..end)?, data.get(end + 1..)?))
}

fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    unpacked(flate2::read::ZlibDecoder::new(bytes))
}

/// What a decoder gives, up to a bound; what comes before damage counts.
fn unpacked(decoder: impl Read) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let _ = decoder.take(LONGEST).read_to_end(&mut content);
    (!content.is_empty()).then_some(content)
}

/// The TIFF structure of an EXIF block, the offset to which precedes it.
fn behind_offset(content: &[u8]) -> Option<&[u8]> {
    let (offset, rest) = content.split_first_chunk::<4>()?;
    rest.get(u32::from_be_bytes(*offset) as usize..)
}

/// Bytes written as hexadecimal digits after a name and a length, each on a line of its own.
fn digits(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.splitn(4, |&byte| byte == b'\n');
    let digits = lines.nth(3)?;
    let values = digits
        .iter()
        .filter_map(|&byte| char::from(byte).to_digit(16));
    let values: Vec<_> = values.map(|digit| digit as u8).collect();
    Some(
        values
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[high, low]| high << 4 | low)
            .collect(),
    )
}
