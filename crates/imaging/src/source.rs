//! How decoders read: a cursor that reports progress, and the fence around code that panics on bad data.
//!
//! Two kinds of unwinding meet here and must not be confused. libjpeg's error handler
//! unwinds out of C on damaged data, and any decoder may have a bug; both become [`Error::CorruptImage`].
//! The caller's `progress`, which decoders reach through [`Source`], unwinds to cancel, with a payload that
//! belongs to the caller (PostgreSQL's own error); it must arrive there unharmed. [`Pulse`] therefore notes
//! when `progress` is running, and only what unwinds outside of it is turned into an error. Everything
//! between is ordinary Rust, or C compiled with unwind tables, so destructors run on the way.

use super::Format;
use crate::{Error, Result};
use std::any::Any;
use std::cell::Cell;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Most bytes a decoder gets before `progress` is called again.
///
/// What they become is larger by a factor of a thousand and more where a picture is flat: 4 kB are some milliseconds then.
const CHUNK: usize = 1 << 12;

/// One call's progress function, whether it is running, and the memory that the call may take.
pub(super) struct Pulse<'a> {
    progress: &'a dyn Fn(),
    running: Cell<bool>,
    /// Bytes that may still be claimed, and how many there were.
    memory: Cell<u64>,
    most_memory: u64,
}

impl<'a> Pulse<'a> {
    /// Without a bound on memory.
    pub(super) fn new(progress: &'a dyn Fn()) -> Self {
        Self::within(u64::MAX, progress)
    }

    /// With `most_memory` bytes.
    pub(super) fn within(most_memory: u64, progress: &'a dyn Fn()) -> Self {
        Self {
            progress,
            running: Cell::new(false),
            memory: Cell::new(most_memory),
            most_memory,
        }
    }

    /// To be called before something as large as a picture is allocated, here or by a library, that is held until the
    /// call ends. What is small, or soon freed, does not count.
    ///
    /// # Errors
    /// [`Error::TooMuchMemory`] where the call would exceed its bound.
    pub(super) fn claim(&self, bytes: u64) -> Result<()> {
        let left = self.memory.get();
        match left.checked_sub(bytes) {
            Some(rest) => {
                self.memory.set(rest);
                Ok(())
            }
            None => Err(Error::TooMuchMemory {
                needed: (self.most_memory - left).saturating_add(bytes),
                limit: self.most_memory,
            }),
        }
    }

    /// Bytes that can still be claimed.
    pub(super) fn unclaimed(&self) -> u64 {
        self.memory.get()
    }

    /// Calls `progress`, which may unwind.
    pub(super) fn beat(&self) {
        self.running.set(true);
        (self.progress)();
        self.running.set(false);
    }

    /// Runs a decoder; a panic of its own becomes [`Error::CorruptImage`], one of `progress` passes through.
    pub(super) fn confine<T>(
        &self,
        format: Format,
        decoder: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        // Unwind safety: what a decoder leaves behind after a panic is only dropped.
        match catch_unwind(AssertUnwindSafe(decoder)) {
            Ok(result) => result,
            Err(payload) if self.running.get() => resume_unwind(payload),
            Err(payload) => Err(corrupt(format, words(&*payload))),
        }
    }
}

/// The error for damaged data.
pub(super) fn corrupt(format: Format, reason: impl Into<String>) -> Error {
    Error::CorruptImage {
        format: format.title(),
        reason: reason.into(),
    }
}

fn words(payload: &(dyn Any + Send)) -> &str {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("the decoder failed");
    // So crate `mozjpeg` begins, which encodes.
    text.strip_prefix("libjpeg fatal error: ").unwrap_or(text)
}

/// A seekable reader over a file in memory.
pub(super) struct Source<'a> {
    bytes: &'a [u8],
    position: usize,
    pulse: &'a Pulse<'a>,
}

impl<'a> Source<'a> {
    pub(super) fn new(bytes: &'a [u8], pulse: &'a Pulse<'a>) -> Self {
        Self {
            bytes,
            position: 0,
            pulse,
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.pulse.beat();
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        Ok(rest.get(..CHUNK).unwrap_or(rest))
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.position.saturating_add(amount);
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => usize::try_from(offset).ok(),
            SeekFrom::End(offset) => isize::try_from(offset)
                .ok()
                .and_then(|offset| self.bytes.len().checked_add_signed(offset)),
            SeekFrom::Current(offset) => isize::try_from(offset)
                .ok()
                .and_then(|offset| self.position.checked_add_signed(offset)),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position as u64)
    }
}
