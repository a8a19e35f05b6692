//! Statements, handed to the server in the database's encoding.
//!
//! Here they are UTF-8, as are the names that they hold; pgrx would pass them on as they are. So no statement goes another way,
//! which `clippy.toml` sees to.
//!
//! Statements that a session runs again and again can keep their plans, in the server's cache of plans: which notices when what
//! they depend on has changed, be it a table, the search path or the role.

use crate::text::{from_utf8, to_utf8};
use lru::LruCache;
use pgrx::{
    datum::DatumWithOid,
    pg_sys::{self, PgOid},
    spi::{self, OwnedPreparedStatement, Spi, SpiClient, SpiCursor, SpiTupleTable},
};
use serde_json::Value;
use std::{
    cell::RefCell,
    ffi::{CStr, CString},
    mem::ManuallyDrop,
    num::NonZero,
    ptr,
    rc::Rc,
    thread,
};

pub use spi::Error;

/// Result of a statement.
pub type Result<T> = std::result::Result<T, Error>;

/// Connects to the server's SQL for as long as `work` takes.
pub fn connect<R>(work: impl FnOnce(&mut Client<'_, '_>) -> R) -> R {
    #[expect(clippy::disallowed_methods)] // This is the one place.
    Spi::connect_mut(|client| work(&mut Client(client)))
}

/// Plans that a session keeps at most.
const KEPT: NonZero<usize> = NonZero::new(32).unwrap();

/// Plans by statement and types of arguments.
type Plans = LruCache<(CString, Vec<pg_sys::Oid>), Rc<Plan>>;

thread_local! {
    /// The plans that were used last. At the end of the process they go with its memory: the server's cache must not be asked
    /// for anything then.
    static PLANS: RefCell<ManuallyDrop<Plans>> = RefCell::new(ManuallyDrop::new(LruCache::new(KEPT)));
}

/// A plan that outlives the connection. Whoever runs it shares it, for what it calls may come here and push it out meanwhile.
struct Plan(ManuallyDrop<OwnedPreparedStatement>);

impl Drop for Plan {
    fn drop(&mut self) {
        // After an error nothing is asked of the server; what it keeps of this one is lost.
        if !thread::panicking() {
            // SAFETY: it is not used again.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }
    }
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

    /// [`Client::select`] by a plan that the session keeps.
    pub fn select_kept(
        &self,
        statement: &str,
        limit: Option<libc::c_long>,
        arguments: &[DatumWithOid<'_>],
    ) -> Result<SpiTupleTable<'conn>> {
        let plan = self.kept(statement, arguments)?;
        self.0.select(&*plan.0, limit, arguments)
    }

    /// [`Client::open`] by a plan that the session keeps.
    pub fn open_kept(
        &self,
        statement: &str,
        arguments: &[DatumWithOid<'_>],
    ) -> Result<Rows<'conn>> {
        let plan = self.kept(statement, arguments)?;
        let cursor = self.0.try_open_cursor(&*plan.0, arguments)?;
        Ok(Rows(ManuallyDrop::new(cursor)))
    }

    /// The plan of a statement, made if there is none yet.
    fn kept(&self, statement: &str, arguments: &[DatumWithOid<'_>]) -> Result<Rc<Plan>> {
        let types = arguments.iter().map(DatumWithOid::oid).collect();
        let key = (encoded(statement), types);
        if let Some(plan) = PLANS.with_borrow_mut(|plans| plans.get(&key).cloned()) {
            return Ok(plan);
        }
        let types: Vec<_> = key.1.iter().copied().map(PgOid::from).collect();
        let prepared = self.0.prepare(&key.0, &types)?.keep();
        let plan = Rc::new(Plan(ManuallyDrop::new(prepared)));
        let gone = PLANS.with_borrow_mut(|plans| plans.push(key, plan.clone()));
        drop(gone);
        Ok(plan)
    }

    /// The plan of a statement: the output of an EXPLAIN, which does not count as reading to the server and changes
    /// nothing all the same.
    pub fn plan(&self, statement: &str, arguments: &[DatumWithOid<'_>]) -> Option<Value> {
        let explain = encoded(&format!("EXPLAIN (FORMAT json) {statement}"));
        let mut types: Vec<_> = arguments.iter().map(DatumWithOid::oid).collect();
        let mut values = Vec::new();
        for argument in arguments {
            values.push(argument.datum()?.sans_lifetime());
        }
        // SAFETY: there is a connection, and a type and a value for each argument; a statement that returns rows leaves a
        // table of them.
        let plan = unsafe {
            pg_sys::SPI_execute_with_args(
                explain.as_ptr(),
                arguments.len() as i32,
                types.as_mut_ptr(),
                values.as_mut_ptr(),
                ptr::null(),
                false,
                0,
            );
            let table = pg_sys::SPI_tuptable
                .as_ref()
                .filter(|table| table.numvals > 0)?;
            let plan = pg_sys::SPI_getvalue(*table.vals, table.tupdesc, 1);
            (!plan.is_null()).then(|| to_utf8(CStr::from_ptr(plan).to_bytes()))
        };
        serde_json::from_str(&plan?).ok()
    }
}

/// Rows that are read bit by bit.
///
/// After an error the server closes the cursor itself, and must not be asked to, which dropping it would do.
pub struct Rows<'conn>(ManuallyDrop<SpiCursor<'conn>>);

impl Rows<'_> {
    /// Hands the first `N` columns of each of the next rows to `take`, and forgets the rows, which would be kept as long as
    /// the connection; returns how many there were, none at the end. What the columns hold is gone after `take`.
    pub fn each<const N: usize>(
        &mut self,
        count: libc::c_long,
        mut take: impl FnMut([Option<pg_sys::Datum>; N]),
    ) -> Result<usize> {
        let fetched = self.0.fetch(count)?.len();
        // SAFETY: what was just fetched, of this connection: as many tuples as are said to be there, each with the columns
        // that it describes; the server says of others that they are null.
        unsafe {
            let table = pg_sys::SPI_tuptable;
            for row in 0..fetched {
                let tuple = *(*table).vals.add(row);
                take(std::array::from_fn(|column| {
                    let mut null = false;
                    let number = column as i32 + 1;
                    let value = pg_sys::SPI_getbinval(tuple, (*table).tupdesc, number, &mut null);
                    (!null).then_some(value)
                }));
            }
            pg_sys::SPI_freetuptable(table);
        }
        Ok(fetched)
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
