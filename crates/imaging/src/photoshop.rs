//! Structures of Photoshop: the sections of its documents, and image resources, which other formats carry as well.

/// The sections before the picture.
pub(super) struct Document<'a> {
    pub(super) channels: usize,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) depth: u16,
    pub(super) mode: u16,
    pub(super) palette: &'a [u8],
    pub(super) resources: &'a [u8],
    /// Whether lengths have more bytes, as in PSB.
    pub(super) large: bool,
    pub(super) compression: u16,
    pub(super) data: &'a [u8],
}

impl<'a> Document<'a> {
    /// Walks the sections; `None` where the file ends before the picture.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.get(4..)?;
        let large = number(&mut rest, 2)? == 2;
        number(&mut rest, 6)?;
        let channels = number(&mut rest, 2)? as usize;
        let (height, width) = (number(&mut rest, 4)? as u32, number(&mut rest, 4)? as u32);
        let (depth, mode) = (number(&mut rest, 2)? as u16, number(&mut rest, 2)? as u16);
        let palette = section(&mut rest, 4)?;
        let resources = section(&mut rest, 4)?;
        // The layers.
        section(&mut rest, if large { 8 } else { 4 })?;
        Some(Self {
            channels,
            width,
            height,
            depth,
            mode,
            palette,
            resources,
            large,
            compression: number(&mut rest, 2)? as u16,
            data: rest,
        })
    }
}

/// Photoshop's image resources of a document.
pub(super) fn resources(bytes: &[u8]) -> Option<&[u8]> {
    Document::parse(bytes).map(|document| document.resources)
}

/// A number of so many bytes, taken from the front.
pub(super) fn number(rest: &mut &[u8], length: usize) -> Option<u64> {
    let (bytes, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

/// A section behind its length.
fn section<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest, length)?).ok()?;
    let (section, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(section)
}

/// The IPTC block and others within Photoshop's image resources (`8BIM`): number and content.
pub(super) struct Resources<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Resources<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.strip_prefix(b"8BIM")?;
        let (&number, rest) = rest.split_first_chunk::<2>()?;
        // A name with its length, to an even number of bytes.
        let name = 1 + usize::from(*rest.first()?);
        let rest = rest.get(name.next_multiple_of(2)..)?;
        let (&length, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(length) as usize;
        let content = rest.get(..length)?;
        self.0 = rest.get(length.next_multiple_of(2)..).unwrap_or_default();
        Some((u16::from_be_bytes(number), content))
    }
}
