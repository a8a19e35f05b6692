//! Chunks of RIFF files, which WebP is one of.

/// Chunks of a container: kind and content, which may be cut off.
pub(super) struct Chunks<'a>(&'a [u8]);

impl<'a> Chunks<'a> {
    /// Of a file.
    pub(super) fn of(file: &'a [u8]) -> Self {
        Self(file.get(12..).unwrap_or_default())
    }

    /// Of what holds chunks itself.
    pub(super) fn within(content: &'a [u8]) -> Self {
        Self(content)
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.0.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let content = rest.get(..length).unwrap_or(rest);
        self.0 = rest.get(length.next_multiple_of(2)..).unwrap_or_default();
        Some((kind, content))
    }
}
