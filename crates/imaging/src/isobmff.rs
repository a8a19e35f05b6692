//! ISO base media files that hold still pictures (HEIF, ISO/IEC 23008-12): items, their properties and how they refer to
//! each other; of image sequences the frames.
//!
//! Everything is read through checked slices. A file that contradicts itself has no picture, which is for the decoder to
//! say; nothing here allocates more than the file is long.

use std::borrow::Cow;

/// Items and properties that are looked at: pictures in tiles have some hundreds.
const MOST: usize = 1 << 12;

/// The boxes that follow one another: kind and content.
pub(crate) struct Boxes<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&length, rest) = self.0.split_first_chunk::<4>()?;
        let (&kind, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = match u32::from_be_bytes(length) {
            0 => (rest.len(), rest),
            1 => {
                let (&length, rest) = rest.split_first_chunk::<8>()?;
                (
                    usize::try_from(u64::from_be_bytes(length).checked_sub(16)?).ok()?,
                    rest,
                )
            }
            length => ((length as usize).checked_sub(8)?, rest),
        };
        // The last one may be cut off.
        let (content, rest) = rest.split_at(length.min(rest.len()));
        self.0 = rest;
        Some((kind, content))
    }
}

/// Boxes that one is looked for among: many more than files have, and few enough to be gone through at one go.
pub(crate) const AMONG: usize = 1 << 16;

/// The content of the first box of a kind.
pub(crate) fn find<'a>(boxes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    Boxes(boxes)
        .take(AMONG)
        .find(|(found, _)| found == kind)
        .map(|(_, content)| content)
}

/// The brands of an ISO base media file: the major one, then those it is compatible with.
pub(crate) fn brands(bytes: &[u8]) -> impl Iterator<Item = &[u8; 4]> {
    let length = bytes
        .first_chunk()
        .map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let content = bytes.get(8..length.min(bytes.len())).unwrap_or_default();
    let named = bytes.get(4..8) == Some(b"ftyp");
    // The second word is a version.
    let brands = content.as_chunks::<4>().0.iter().enumerate();
    brands
        .filter(move |(n, _)| named && *n != 1)
        .map(|(_, brand)| brand)
}

/// A number of `length` bytes, 0 to 8, taken from the front.
pub(crate) fn number(rest: &mut &[u8], length: usize) -> Option<u64> {
    let (bytes, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

/// Version, flags and the rest of a full box.
fn full(content: &[u8]) -> Option<(u8, u32, &[u8])> {
    let (&[version, a, b, c], rest) = content.split_first_chunk::<4>()?;
    Some((version, u32::from_be_bytes([0, a, b, c]), rest))
}

/// An item.
#[derive(Default)]
struct Item<'a> {
    id: u32,
    kind: [u8; 4],
    /// Of a `mime` item.
    media: &'a [u8],
    /// Whether its extents lie in the `idat` box; `None` for what is not read.
    within: Option<bool>,
    /// Offset and length of the parts; a length of 0 reaches to the end.
    extents: Vec<(u64, u64)>,
    /// Indices of its properties, from 1, in their order.
    properties: Vec<usize>,
}

/// The items of a file.
pub(crate) struct Items<'a> {
    file: &'a [u8],
    /// The item that is the picture.
    pub(crate) primary: u32,
    items: Vec<Item<'a>>,
    properties: Vec<([u8; 4], &'a [u8])>,
    /// Kind, from, to.
    references: Vec<([u8; 4], u32, Vec<u32>)>,
    data: &'a [u8],
}

impl<'a> Items<'a> {
    /// Reads the `meta` box.
    pub(crate) fn of(file: &'a [u8]) -> Option<Self> {
        let (_, _, meta) = full(find(file, b"meta")?)?;
        let mut items = Self {
            file,
            primary: 0,
            items: Vec::new(),
            properties: Vec::new(),
            references: Vec::new(),
            data: find(meta, b"idat").unwrap_or_default(),
        };
        items.names(find(meta, b"iinf")?)?;
        let (version, _, mut primary) = full(find(meta, b"pitm")?)?;
        items.primary = number(&mut primary, if version == 0 { 2 } else { 4 })? as u32;
        items.places(find(meta, b"iloc")?)?;
        if let Some(references) = find(meta, b"iref") {
            items.links(references)?;
        }
        if let Some(properties) = find(meta, b"iprp") {
            items.properties(properties)?;
        }
        Some(items)
    }

    fn names(&mut self, content: &'a [u8]) -> Option<()> {
        let (version, _, mut rest) = full(content)?;
        number(&mut rest, if version == 0 { 2 } else { 4 })?;
        for (kind, content) in Boxes(rest).take(MOST) {
            let (version, _, mut rest) = full(content)?;
            if kind != *b"infe" || version < 2 {
                continue;
            }
            let id = number(&mut rest, if version == 2 { 2 } else { 4 })? as u32;
            number(&mut rest, 2)?;
            let (&kind, rest) = rest.split_first_chunk::<4>()?;
            // Its name, then its media type, both with a zero behind.
            let media = rest.split(|&byte| byte == 0).nth(1).unwrap_or_default();
            self.items.push(Item {
                id,
                kind,
                media,
                ..Item::default()
            });
        }
        Some(())
    }

    fn item_mut(&mut self, id: u32) -> Option<&mut Item<'a>> {
        self.items.iter_mut().find(|item| item.id == id)
    }

    fn places(&mut self, content: &'a [u8]) -> Option<()> {
        let (version, _, mut rest) = full(content)?;
        let sizes = number(&mut rest, 2)?;
        let size = |shift: u32| ((sizes >> shift) & 15) as usize;
        let (offset_size, length_size, base_size) = (size(12), size(8), size(4));
        let index_size = if version > 0 { size(0) } else { 0 };
        if [offset_size, length_size, base_size, index_size]
            .iter()
            .any(|&size| size > 8)
        {
            return None;
        }
        let count = number(&mut rest, if version < 2 { 2 } else { 4 })?;
        for _ in 0..count.min(MOST as u64) {
            let id = number(&mut rest, if version < 2 { 2 } else { 4 })? as u32;
            let method = if version > 0 {
                number(&mut rest, 2)? & 15
            } else {
                0
            };
            number(&mut rest, 2)?;
            let base = number(&mut rest, base_size)?;
            let count = number(&mut rest, 2)?;
            let mut extents = Vec::new();
            for _ in 0..count {
                number(&mut rest, index_size)?;
                let offset = base.checked_add(number(&mut rest, offset_size)?)?;
                extents.push((offset, number(&mut rest, length_size)?));
            }
            if let Some(item) = self.item_mut(id) {
                item.extents = extents;
                item.within = match method {
                    0 => Some(false),
                    1 => Some(true),
                    _ => None,
                };
            }
        }
        Some(())
    }

    fn links(&mut self, content: &'a [u8]) -> Option<()> {
        let (version, _, rest) = full(content)?;
        let size = if version == 0 { 2 } else { 4 };
        for (kind, mut rest) in Boxes(rest).take(MOST) {
            let from = number(&mut rest, size)? as u32;
            let count = number(&mut rest, 2)?;
            let mut to = Vec::new();
            for _ in 0..count {
                to.push(number(&mut rest, size)? as u32);
            }
            self.references.push((kind, from, to));
        }
        Some(())
    }

    fn properties(&mut self, content: &'a [u8]) -> Option<()> {
        self.properties = Boxes(find(content, b"ipco")?).take(MOST).collect();
        for (_, content) in Boxes(content).filter(|(kind, _)| kind == b"ipma") {
            let (version, flags, mut rest) = full(content)?;
            let count = number(&mut rest, 4)?;
            for _ in 0..count.min(MOST as u64) {
                let id = number(&mut rest, if version == 0 { 2 } else { 4 })? as u32;
                let associated = number(&mut rest, 1)?;
                let wide = flags & 1 == 1;
                let mut properties = Vec::new();
                for _ in 0..associated {
                    let index = number(&mut rest, if wide { 2 } else { 1 })?;
                    properties.push((index & if wide { 0x7fff } else { 0x7f }) as usize);
                }
                if let Some(item) = self.item_mut(id) {
                    item.properties.extend(properties);
                }
            }
        }
        Some(())
    }

    fn item(&self, id: u32) -> Option<&Item<'a>> {
        self.items.iter().find(|item| item.id == id)
    }

    /// The coding of an item: `av01`, `hvc1`, `grid` …
    pub(crate) fn kind(&self, id: u32) -> Option<[u8; 4]> {
        self.item(id).map(|item| item.kind)
    }

    /// The content of an item, put together from its parts.
    pub(crate) fn content(&self, id: u32) -> Option<Cow<'a, [u8]>> {
        let item = self.item(id)?;
        let source = if item.within? { self.data } else { self.file };
        let part = |&(offset, length): &(u64, u64)| {
            let rest = source.get(usize::try_from(offset).ok()?..)?;
            match length {
                0 => Some(rest),
                length => rest.get(..usize::try_from(length).ok()?),
            }
        };
        if let [only] = item.extents.as_slice() {
            return part(only).map(Cow::Borrowed);
        }
        let mut content = Vec::new();
        for extent in &item.extents {
            content.extend_from_slice(part(extent)?);
            if content.len() > self.file.len() {
                return None;
            }
        }
        Some(Cow::Owned(content))
    }

    /// The properties of an item, in their order.
    pub(crate) fn properties_of(&self, id: u32) -> impl Iterator<Item = ([u8; 4], &'a [u8])> {
        let indices = self.item(id).map_or(&[][..], |item| &item.properties);
        indices
            .iter()
            .filter_map(|index| self.properties.get(index.checked_sub(1)?).copied())
    }

    /// The first property of a kind.
    pub(crate) fn property(&self, id: u32, kind: &[u8; 4]) -> Option<&'a [u8]> {
        self.properties_of(id)
            .find(|(found, _)| found == kind)
            .map(|(_, content)| content)
    }

    /// Width and height of an item, as stored.
    pub(crate) fn size(&self, id: u32) -> Option<(u32, u32)> {
        let (_, _, mut rest) = full(self.property(id, b"ispe")?)?;
        Some((number(&mut rest, 4)? as u32, number(&mut rest, 4)? as u32))
    }

    /// Width and height of an item as it is shown: cut to its clean aperture, and turned; None where it has no such.
    pub(crate) fn cut(&self, id: u32) -> Option<(u32, u32)> {
        let mut size = self.size(id)?;
        let mut cut = false;
        for (kind, mut content) in self.properties_of(id) {
            match &kind {
                b"clap" => {
                    let mut side = || {
                        let [above, below] = [number(&mut content, 4)?, number(&mut content, 4)?];
                        // Rounded, halves upwards.
                        let rounded = (above + below / 2).checked_div(below)?;
                        u32::try_from(rounded).ok()
                    };
                    size = (side()?, side()?);
                    cut = true;
                }
                b"irot" if content.first().is_some_and(|turns| turns & 1 == 1) => {
                    size = (size.1, size.0);
                }
                _ => {}
            }
        }
        cut.then_some(size)
    }

    /// What an item refers to in this way.
    pub(crate) fn referred(&self, kind: &[u8; 4], from: u32) -> &[u32] {
        let found = self
            .references
            .iter()
            .find(|(k, f, _)| k == kind && *f == from);
        found.map_or(&[], |(_, _, to)| to)
    }

    /// The items that refer to one in this way.
    pub(crate) fn referring<'b>(
        &'b self,
        kind: &'b [u8; 4],
        to: u32,
    ) -> impl Iterator<Item = u32> + 'b {
        let found = self
            .references
            .iter()
            .filter(move |(k, _, t)| k == kind && t.contains(&to));
        found.map(|(_, from, _)| *from)
    }

    /// The item that is the picture's opacity.
    pub(crate) fn opacity(&self, id: u32) -> Option<u32> {
        self.referring(b"auxl", id).find(|&item| {
            let kind = self
                .property(item, b"auxC")
                .and_then(|content| content.get(4..));
            let kind = kind.and_then(|rest| rest.split(|&byte| byte == 0).next());
            matches!(
                kind,
                Some(
                    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha" | b"urn:mpeg:hevc:2015:auxid:1"
                )
            )
        })
    }

    /// Whether the item's colours were multiplied by its opacity.
    pub(crate) fn is_premultiplied(&self, id: u32) -> bool {
        !self.referred(b"prem", id).is_empty()
    }

    /// The EXIF orientation that the item's rotation and mirroring come to.
    pub(crate) fn orientation(&self, id: u32) -> u8 {
        // Columns of the matrix that takes what is stored to what is shown, with the vertical axis downwards.
        let mut matrix = [[1i8, 0], [0, 1]];
        let apply = |[[a, b], [c, d]]: [[i8; 2]; 2], [[e, f], [g, h]]: [[i8; 2]; 2]| {
            [
                [a * e + b * g, a * f + b * h],
                [c * e + d * g, c * f + d * h],
            ]
        };
        for (kind, content) in self.properties_of(id) {
            let value = content.first().copied().unwrap_or(0);
            match &kind {
                b"irot" => {
                    for _ in 0..value & 3 {
                        // A quarter turn against the clock.
                        matrix = apply([[0, 1], [-1, 0]], matrix);
                    }
                }
                b"imir" => {
                    let mirror = if value & 1 == 0 {
                        [[1, 0], [0, -1]]
                    } else {
                        [[-1, 0], [0, 1]]
                    };
                    matrix = apply(mirror, matrix);
                }
                _ => {}
            }
        }
        match matrix {
            [[-1, 0], [0, 1]] => 2,
            [[-1, 0], [0, -1]] => 3,
            [[1, 0], [0, -1]] => 4,
            [[0, 1], [1, 0]] => 5,
            [[0, -1], [1, 0]] => 6,
            [[0, -1], [-1, 0]] => 7,
            [[0, 1], [-1, 0]] => 8,
            _ => 1,
        }
    }

    /// EXIF of the picture: the offset to its TIFF structure precedes it.
    pub(crate) fn exif(&self) -> Option<Cow<'a, [u8]>> {
        let item = self.described(|item| item.kind == *b"Exif")?;
        let content = self.content(item)?;
        let skip = 4 + u32::from_be_bytes(*content.first_chunk()?) as usize;
        match content {
            Cow::Borrowed(content) => content.get(skip..).map(Cow::Borrowed),
            Cow::Owned(content) => content.get(skip..).map(|rest| Cow::Owned(rest.to_vec())),
        }
    }

    /// The XMP packet of the picture.
    pub(crate) fn xmp(&self) -> Option<Cow<'a, [u8]>> {
        let item =
            self.described(|item| item.kind == *b"mime" && item.media == b"application/rdf+xml")?;
        self.content(item)
    }

    /// An item that describes the picture; where no reference says which, the first one.
    fn described(&self, wanted: impl Fn(&Item<'a>) -> bool) -> Option<u32> {
        let all = || {
            self.items
                .iter()
                .filter(|item| wanted(item))
                .map(|item| item.id)
        };
        let about = |id: &u32| {
            self.referring(b"cdsc", self.primary)
                .any(|item| item == *id)
        };
        all().find(about).or_else(|| all().next())
    }

    /// The ICC profile of an item.
    pub(crate) fn profile(&self, id: u32) -> Option<&'a [u8]> {
        let colors = self.properties_of(id).filter(|(kind, _)| kind == b"colr");
        colors.into_iter().find_map(|(_, content)| {
            content
                .strip_prefix(b"prof")
                .or_else(|| content.strip_prefix(b"rICC"))
        })
    }

    /// Code points of an item (ITU-T H.273): primaries, transfer, matrix, and whether samples have the full range.
    pub(crate) fn code_points(&self, id: u32) -> Option<([u16; 3], bool)> {
        let mut colors = self.properties_of(id).filter(|(kind, _)| kind == b"colr");
        let mut rest = colors.find_map(|(_, content)| content.strip_prefix(b"nclx"))?;
        let mut code = || number(&mut rest, 2).map(|code| code as u16);
        let codes = [code()?, code()?, code()?];
        Some((codes, rest.first()? & 0x80 != 0))
    }
}

/// The track of pictures of an image sequence.
pub(crate) struct Track<'a> {
    file: &'a [u8],
    /// Width and height of its frames.
    pub(crate) size: (u32, u32),
    /// How many there are.
    pub(crate) frames: u32,
    /// Bytes of every frame, or 0 where each has its own entry among `lengths`.
    same: u64,
    lengths: &'a [u8],
    /// Where chunks of frames begin, numbers of so many bytes.
    offsets: &'a [u8],
    word: usize,
    /// From which chunk on, counted from 1, a chunk has how many frames.
    runs: &'a [u8],
}

impl<'a> Track<'a> {
    /// The first track of pictures in AV1.
    pub(crate) fn of(file: &'a [u8]) -> Option<Self> {
        let tracks = Boxes(find(file, b"moov")?).filter(|(kind, _)| kind == b"trak");
        tracks.into_iter().find_map(|(_, track)| {
            let media = find(track, b"mdia")?;
            let handler = find(media, b"hdlr")?.get(8..12)?;
            if handler != b"pict" && handler != b"vide" {
                return None;
            }
            let table = find(find(media, b"minf")?, b"stbl")?;
            let (_, entry) =
                Boxes(find(table, b"stsd")?.get(8..)?).find(|(kind, _)| kind == b"av01")?;
            let mut size = entry.get(24..28)?;
            let size = (number(&mut size, 2)? as u32, number(&mut size, 2)? as u32);
            let mut lengths = find(table, b"stsz")?.get(4..)?;
            let (same, frames) = (number(&mut lengths, 4)?, number(&mut lengths, 4)?);
            // No more than the file has room for, whatever it says.
            let room = match same {
                0 => lengths.len() as u64 / 4,
                same => file.len() as u64 / same,
            };
            let wide = find(table, b"co64");
            Some(Self {
                file,
                size,
                frames: frames.min(room) as u32,
                same,
                lengths,
                offsets: wide.or_else(|| find(table, b"stco"))?.get(8..)?,
                word: if wide.is_some() { 8 } else { 4 },
                runs: find(table, b"stsc")
                    .and_then(|runs| runs.get(8..))
                    .unwrap_or_default(),
            })
        })
    }

    /// The bytes of its frames, up to the first that is not in the file.
    pub(crate) fn data(&self) -> impl Iterator<Item = &'a [u8]> {
        let (mut lengths, mut offsets, mut runs) = (self.lengths, self.offsets, self.runs);
        let (mut chunk, mut in_chunk, mut left, mut at) = (0, 1, 0, 0);
        let (file, same, word) = (self.file, self.same, self.word);
        let next = move || {
            if left == 0 {
                chunk += 1;
                at = usize::try_from(number(&mut offsets, word)?).ok()?;
                let mut run = runs;
                if number(&mut run, 4) == Some(chunk) {
                    in_chunk = number(&mut run, 4)?.max(1);
                    runs = runs.get(12..).unwrap_or_default();
                }
                left = in_chunk;
            }
            left -= 1;
            let length = match same {
                0 => number(&mut lengths, 4)?,
                same => same,
            };
            let end = at.checked_add(usize::try_from(length).ok()?)?;
            let data = file.get(at..end)?;
            at = end;
            Some(data)
        };
        std::iter::from_fn(next).take(self.frames as usize)
    }
}
