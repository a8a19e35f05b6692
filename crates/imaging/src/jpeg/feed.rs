//! What libjpeg reads from, in a file of its own or in a strip or tile of a TIFF.

use crate::source::Pulse;

/// Most bytes of a stream of several scans that libjpeg gets at once: less would take it off its fast way.
const PORTION: usize = 1 << 16;

/// A JPEG stream, after what it lacks.
///
/// A stream of several scans is read at once, so it comes in portions of [`PORTION`], and every scan starts a new one, so
/// that `progress` is called for each: a small file can hold thousands of scans that each cost a pass over the picture.
pub(crate) struct Feed<'a> {
    prefix: Vec<u8>,
    bytes: &'a [u8],
    position: usize,
    /// Whether the end of the data is an error where libjpeg wants more. It would otherwise invent what is missing and
    /// carry on with grey.
    pub(super) fails: bool,
    /// Whether there are several scans.
    split: bool,
    pulse: &'a Pulse<'a>,
}

impl<'a> Feed<'a> {
    pub(crate) fn new(
        prefix: Vec<u8>,
        bytes: &'a [u8],
        fails: bool,
        split: bool,
        pulse: &'a Pulse<'a>,
    ) -> Self {
        Self {
            prefix,
            bytes,
            position: 0,
            fails,
            split,
            pulse,
        }
    }

    /// The next bytes, at least one; `None` at the end.
    pub(super) fn portion(&mut self) -> Option<&[u8]> {
        self.pulse.beat();
        let next = match self.position.checked_sub(self.prefix.len()) {
            None => self.prefix.get(self.position..),
            Some(at) => self.bytes.get(at..).map(|rest| self.first(rest)),
        };
        let next = next.filter(|bytes| !bytes.is_empty())?;
        self.position += next.len();
        Some(next)
    }

    /// As much of `rest` as libjpeg gets at once.
    fn first<'b>(&self, rest: &'b [u8]) -> &'b [u8] {
        if !self.split {
            return rest;
        }
        let portion = rest.get(..PORTION).unwrap_or(rest);
        let mut pairs = portion.get(1..).unwrap_or_default().windows(2);
        let scan = pairs.position(|pair| pair == [0xff, 0xda]);
        scan.and_then(|at| portion.get(..=at)).unwrap_or(portion)
    }
}
