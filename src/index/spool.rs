//! Bytes put aside in the server's temporary files: the [`Spool`] of PostgreSQL.
//!
//! They lie in `temp_tablespaces` within `temp_file_limit`, `log_temp_files` logs them, and the server removes them when
//! the transaction ends, however it does, or when it starts after a crash.

use graph::error::{Error, Result};
use graph::spool::Spool;
use pgrx::pg_sys;

/// Bytes after which the server begins another file.
const SEGMENT: u64 = 1 << 30;

/// A temporary file. It is closed by [`close`](Spool::close) or, after an error, by the server; then nothing may touch
/// it any more, so dropping it does nothing.
pub struct TempFile {
    file: *mut pg_sys::BufFile,
    /// Bytes written.
    length: u64,
    /// Where the next byte is read or written.
    position: u64,
}

impl TempFile {
    /// An empty file, which lasts no longer than the transaction.
    pub fn create() -> Self {
        // SAFETY: a transaction is running; whatever context calls, what the server allocates outlasts it.
        let file = unsafe {
            let caller = pg_sys::MemoryContextSwitchTo(pg_sys::TopTransactionContext);
            let file = pg_sys::BufFileCreateTemp(false);
            pg_sys::MemoryContextSwitchTo(caller);
            file
        };
        Self {
            file,
            length: 0,
            position: 0,
        }
    }

    /// Goes to a byte that was written, or to the end.
    fn seek(&mut self, position: u64) -> Result<()> {
        if position == self.position {
            return Ok(());
        }
        let (segment, offset) = (position / SEGMENT, position % SEGMENT);
        // SAFETY: the file is open.
        let failed =
            unsafe { pg_sys::BufFileSeek(self.file, segment as i32, offset as i64, SEEK_SET) };
        if failed != 0 {
            return Err(lost(position));
        }
        self.position = position;
        Ok(())
    }
}

const SEEK_SET: i32 = libc::SEEK_SET;

fn lost(position: u64) -> Error {
    Error::Store(format!(
        "could not read byte {position} of a temporary file of the build"
    ))
}

impl Spool for TempFile {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.seek(self.length)?;
        // SAFETY: the file is open; the server reads as many bytes as there are, and writes to none of them.
        unsafe {
            pg_sys::BufFileWrite(self.file, bytes.as_ptr().cast_mut().cast(), bytes.len());
        }
        self.length += bytes.len() as u64;
        self.position = self.length;
        Ok(())
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        self.seek(offset)?;
        // SAFETY: the file is open; the server writes as many bytes as there is room for, at most.
        let read =
            unsafe { pg_sys::BufFileRead(self.file, bytes.as_mut_ptr().cast(), bytes.len()) };
        if read != bytes.len() {
            return Err(lost(offset + read as u64));
        }
        self.position = offset + read as u64;
        Ok(())
    }

    fn close(self: Box<Self>) {
        // SAFETY: the file is open, and nothing uses it any more.
        unsafe { pg_sys::BufFileClose(self.file) }
    }
}
