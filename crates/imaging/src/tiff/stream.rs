//! Compressions that are streams of bytes: what a strip or tile is read from, and PackBits and LZW, which have no reader of their own.

use crate::source::Pulse;
use std::io::{self, BufRead, Read};
use weezl::{BitOrder, LzwStatus, decode::Decoder};

/// Most bytes that a decoder gets before `progress` is called again, as in [`crate::source::Source`].
const BLOCK: usize = 1 << 12;

/// The bytes of a strip or tile.
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    position: usize,
    /// The block around `position` with the bits of each byte the other way round, where the file has them so.
    reversed: Option<Vec<u8>>,
    pulse: &'a Pulse<'a>,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8], reversed: bool, pulse: &'a Pulse<'a>) -> Self {
        Self {
            bytes,
            position: 0,
            reversed: reversed.then(Vec::new),
            pulse,
        }
    }
}

impl Input<'_> {
    /// The next byte; `None` at the end.
    pub(super) fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.fill_buf()?.first().copied();
        self.consume(usize::from(byte.is_some()));
        Ok(byte)
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.pulse.beat();
        let start = self.position / BLOCK * BLOCK;
        let block = self.bytes.get(start..).unwrap_or_default();
        let block = block.get(..BLOCK).unwrap_or(block);
        let within = self.position - start;
        let Some(buffer) = &mut self.reversed else {
            return Ok(block.get(within..).unwrap_or_default());
        };
        if within == 0 {
            buffer.clear();
            buffer.extend(block.iter().map(|byte| byte.reverse_bits()));
        }
        Ok(buffer.get(within..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.position.saturating_add(amount);
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// PackBits (TIFF 6.0, section 9).
pub(super) struct PackBits<'a> {
    input: Input<'a>,
    /// Bytes of the current run that are still to come, and the byte that is repeated where it is a run of one.
    left: usize,
    repeated: Option<u8>,
}

impl<'a> PackBits<'a> {
    pub(super) fn new(input: Input<'a>) -> Self {
        Self {
            input,
            left: 0,
            repeated: None,
        }
    }
}

impl Read for PackBits<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let Some(head) = self.input.byte()? else {
                return Ok(0);
            };
            (self.left, self.repeated) = match head as i8 {
                // Nothing.
                -128 => continue,
                length @ 0.. => (length as usize + 1, None),
                length => {
                    let Some(byte) = self.input.byte()? else {
                        return Ok(0);
                    };
                    (1 + usize::from(length.unsigned_abs()), Some(byte))
                }
            };
        }
        let length = self.left.min(buffer.len());
        let target = buffer.get_mut(..length).unwrap_or_default();
        let read = match self.repeated {
            Some(byte) => {
                target.fill(byte);
                length
            }
            None => self.input.read(target)?,
        };
        self.left -= read;
        Ok(read)
    }
}

/// LZW with codes that begin at the high end of a byte, or, as before TIFF 6.0, at the low end.
pub(super) struct Lzw<'a> {
    input: Input<'a>,
    decoder: Decoder,
}

impl<'a> Lzw<'a> {
    pub(super) fn new(mut input: Input<'a>) -> io::Result<Self> {
        // The first code, which clears the table.
        let old = matches!(input.fill_buf()?, [0, second, ..] if second & 1 == 1);
        let decoder = match old {
            true => Decoder::new(BitOrder::Lsb, 8),
            false => Decoder::with_tiff_size_switch(BitOrder::Msb, 8),
        };
        Ok(Self { input, decoder })
    }
}

impl Read for Lzw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let block = self.input.fill_buf()?;
            let ended = block.is_empty();
            let result = self.decoder.decode_bytes(block, buffer);
            self.input.consume(result.consumed_in);
            let status = result
                .status
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "an invalid LZW code"))?;
            if result.consumed_out > 0 || matches!(status, LzwStatus::Done) || ended {
                return Ok(result.consumed_out);
            }
        }
    }
}
