//! Statements, handed to the server in the database's encoding.
//!
//! Here they are UTF-8, as are the names that they hold; pgrx would pass them on as they are. So no statement goes another way,
//! which `clippy.toml` sees to.

use crate::embed::from_utf8;
use pgrx::{
    datum::DatumWithOid,
    spi::{self, Spi, SpiClient, SpiCursor, SpiTupleTable},
};
use std::{ffi::CString, mem::ManuallyDrop};

pub use spi::Error;

/// Result of a statement.
pub type Result<T> = std::result::Result<T, Error>;

/// Connects to the server's SQL for as long as `work` takes.
pub fn connect<R>(work: impl FnOnce(&mut Client<'_, '_>) -> R) -> R {
    #[expect(clippy::disallowed_methods)] // This is the one place.
    Spi::connect_mut(|client| work(&mut Client(client)))
}

/// A connection.
pub struct Client<'a, 'conn>(&'a mut SpiClient<'conn>);

impl<'conn> Client<'_, 'conn> {
    /// Runs a statement that only reads. One that calls what writes belongs to [`Client::update`].
    pub fn select(
        &self,
        statement: &str,
        limit: Option<libc::c_long>,
        arguments: &[DatumWithOid<'_>],
    ) -> Result<SpiTupleTable<'conn>> {
        self.0.select(&encoded(statement), limit, arguments)
    }

    /// Runs a statement. The transaction takes a number.
    pub fn update(
        &mut self,
        statement: &str,
        arguments: &[DatumWithOid<'_>],
    ) -> Result<SpiTupleTable<'conn>> {
        self.0.update(&encoded(statement), None, arguments)
    }

    /// Begins a statement that only reads.
    pub fn open(&self, statement: &str, arguments: &[DatumWithOid<'_>]) -> Result<Rows<'conn>> {
        let cursor = self.0.try_open_cursor(&encoded(statement), arguments)?;
        Ok(Rows(ManuallyDrop::new(cursor)))
    }
}

/// Rows that are read bit by bit.
///
/// After an error the server closes the cursor itself, and must not be asked to, which dropping it would do.
pub struct Rows<'conn>(ManuallyDrop<SpiCursor<'conn>>);

impl Rows<'_> {
    /// The next rows, none at the end.
    pub fn fetch(&mut self, count: libc::c_long) -> Result<SpiTupleTable<'_>> {
        self.0.fetch(count)
    }

    /// Ends it before the connection does.
    pub fn close(self) {
        drop(ManuallyDrop::into_inner(self.0));
    }
}

/// A statement as the server reads it.
pub fn encoded(statement: &str) -> CString {
    // No name holds a 0, and no conversion makes one.
    CString::new(from_utf8(statement)).unwrap_or_default()
}
