//! Marker segments of JPEG files: what the decoder and whoever looks for metadata walk.

/// The segments of a file, each by its marker, and what follows it.
pub(super) struct Markers<'a>(&'a [u8]);

impl<'a> Markers<'a> {
    /// Of a file, or of what begins with SOI as a file does.
    pub(super) fn of(file: &'a [u8]) -> Self {
        Self::from(file.get(2..).unwrap_or_default())
    }

    /// Of what begins with a segment, or with the data of a scan.
    pub(super) fn from(rest: &'a [u8]) -> Self {
        Self(rest)
    }
}

impl<'a> Iterator for Markers<'a> {
    type Item = (u8, &'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (marker, segment) = next_segment(&mut self.0)?;
        if marker == 0xd9 {
            self.0 = &[];
        }
        Some((marker, segment, self.0))
    }
}

/// The segments up to the first scan: marker and content.
pub(super) fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    std::iter::from_fn(move || next_segment(&mut rest))
        .take_while(|(marker, _)| !matches!(marker, 0xd9 | 0xda))
}

/// The next marker of the header and the content of its segment, skipping what belongs to none.
pub(super) fn next_segment<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
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
