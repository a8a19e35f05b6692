//! What does not fit into memory: bytes put aside in files, and records of one size in them.

use bytemuck::{cast_slice, cast_slice_mut};

use crate::error::Result;

/// Bytes put aside. They are appended to, and read at any place once all are there.
pub trait Spool {
    /// Appends bytes.
    ///
    /// # Errors
    /// When there is no room.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Reads the bytes from `offset` on, all of which were written.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<()>;

    /// Gives back what it holds beyond its own memory. Dropping it leaves that to whoever cleans up after an error.
    fn close(self: Box<Self>) {}
}

/// A [`Spool`] in memory.
#[derive(Default)]
pub struct MemSpool(Vec<u8>);

impl Spool for MemSpool {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.try_reserve(bytes.len())?;
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
        Ok(())
    }
}

/// Records of as many words each, in a spool.
pub(crate) struct Records {
    spool: Box<dyn Spool>,
    words: usize,
    /// Words written.
    written: u64,
}

impl Records {
    /// None yet, of `words` each.
    pub(crate) fn new(spool: Box<dyn Spool>, words: usize) -> Self {
        Self {
            spool,
            words,
            written: 0,
        }
    }

    /// Words of a record.
    pub(crate) fn words(&self) -> usize {
        self.words
    }

    /// Number of records.
    pub(crate) fn count(&self) -> u64 {
        self.written / self.words as u64
    }

    /// Appends records, one after the other, or a part of one.
    pub(crate) fn write(&mut self, records: &[u32]) -> Result<()> {
        self.written += records.len() as u64;
        self.spool.write(cast_slice(records))
    }

    /// Reads as many records from number `first` on as `records` has room for.
    pub(crate) fn read(&mut self, first: u64, records: &mut [u32]) -> Result<()> {
        let offset = first * (self.words * size_of::<u32>()) as u64;
        self.spool.read(offset, cast_slice_mut(records))
    }

    /// Gives back what it holds.
    pub(crate) fn close(self) {
        self.spool.close();
    }
}
