//! What libjpeg reads from, in a file of its own or in a strip or tile of a TIFF.

use crate::source::Pulse;
use std::io::{self, BufRead, Read};

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
    /// Whether libjpeg is to fail at the end. An ordinary reader would make it invent what is missing and carry on with
    /// grey.
    fails: bool,
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
}

impl BufRead for Feed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.pulse.beat();
        let Some(position) = self.position.checked_sub(self.prefix.len()) else {
            return Ok(self.prefix.get(self.position..).unwrap_or_default());
        };
        let rest = self.bytes.get(position..).unwrap_or_default();
        if rest.is_empty() && self.fails {
            // libjpeg takes the error for an end of file as a sign to go on.
            return Err(io::ErrorKind::InvalidData.into());
        }
        if !self.split {
            return Ok(rest);
        }
        let portion = rest.get(..PORTION).unwrap_or(rest);
        let mut pairs = portion.get(1..).unwrap_or_default().windows(2);
        let scan = pairs.position(|pair| pair == [0xff, 0xda]);
        Ok(scan.and_then(|at| portion.get(..=at)).unwrap_or(portion))
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.position.saturating_add(amount);
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
