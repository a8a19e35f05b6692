//! Nodes put in order of distance within `work_mem`, and on disk beyond: the [`Sorter`] of PostgreSQL.
//!
//! As many as half of `work_mem` holds stay in this process, 16 bytes each, where the first few of them are had
//! without sorting the others. More go to the server's own sort: as values of type `uuid`, which have 16 bytes and
//! compare like entries.

use graph::error::Result;
use graph::sort::{HeapSorter, RankedNode, Sorter};
use pgrx::pg_sys;

/// Entries to be put in order.
pub struct Sort {
    near: HeapSorter,
    external: Option<External>,
}

impl Sort {
    /// A sort of up to `count` entries, or some more.
    ///
    /// # Errors
    /// When there is no memory for those that stay in this process.
    pub fn new(count: usize) -> Result<Self> {
        // The least value of work_mem is 64 kB.
        let capacity = half_of_work_mem() as usize * 1024 / size_of::<RankedNode>();
        Ok(Self {
            near: HeapSorter::with_capacity(capacity.min(count))?,
            external: None,
        })
    }
}

impl Sorter for Sort {
    fn put(&mut self, entry: RankedNode) -> Result<()> {
        match &mut self.external {
            Some(external) => external.put(entry),
            None if !self.near.is_full() => self.near.put(entry)?,
            None => {
                let external = self.external.insert(External::begin());
                self.near.drain().for_each(|entry| external.put(entry));
                external.put(entry);
            }
        }
        Ok(())
    }

    fn take(&mut self) -> Result<Option<RankedNode>> {
        match &mut self.external {
            Some(external) => Ok(external.take()),
            None => self.near.take(),
        }
    }

    fn close(self: Box<Self>) {
        if let Some(external) = self.external {
            external.end();
        }
    }
}

/// In kilobytes.
fn half_of_work_mem() -> i32 {
    // SAFETY: a setting of this process.
    unsafe { pg_sys::work_mem / 2 }
}

/// A sort of the server's. It is ended by [`end`](External::end) or, after an error, by the server, which gives back
/// memory and files of a query that failed; then nothing may touch it any more, so dropping it does nothing.
struct External {
    state: *mut pg_sys::Tuplesortstate,
    sorted: bool,
}

impl External {
    /// Begins a sort in the current memory context: that of the query, in which the executor calls access methods,
    /// and the nodes that sort begin theirs.
    fn begin() -> Self {
        // SAFETY: the type has the operator.
        let state = unsafe {
            let order = pg_sys::lookup_type_cache(pg_sys::UUIDOID, pg_sys::TYPECACHE_LT_OPR as i32);
            pg_sys::tuplesort_begin_datum(
                pg_sys::UUIDOID,
                (*order).lt_opr,
                pg_sys::InvalidOid,
                false,
                half_of_work_mem(),
                std::ptr::null_mut(),
                #[cfg(feature = "pg14")]
                false,
                #[cfg(not(feature = "pg14"))]
                0,
            )
        };
        Self {
            state,
            sorted: false,
        }
    }

    fn put(&mut self, entry: RankedNode) {
        let bytes = entry.to_bytes();
        // SAFETY: a value of the type is a pointer to 16 bytes, which the server copies.
        unsafe { pg_sys::tuplesort_putdatum(self.state, bytes.as_ptr().into(), false) }
    }

    fn take(&mut self) -> Option<RankedNode> {
        let (mut value, mut null) = (pg_sys::Datum::null(), false);
        // SAFETY: the sort has not ended. A value is a pointer to 16 bytes: up to PostgreSQL 15 a copy for the
        // caller, later one that stays until the next call.
        unsafe {
            if !self.sorted {
                pg_sys::tuplesort_performsort(self.state);
                self.sorted = true;
            }
            let any = pg_sys::tuplesort_getdatum(
                self.state,
                true,
                #[cfg(not(any(feature = "pg14", feature = "pg15")))]
                false,
                &mut value,
                &mut null,
                std::ptr::null_mut(),
            );
            if !any {
                return None;
            }
            let entry = RankedNode::from_bytes(value.cast_mut_ptr::<[u8; 16]>().read());
            #[cfg(any(feature = "pg14", feature = "pg15"))]
            pg_sys::pfree(value.cast_mut_ptr());
            Some(entry)
        }
    }

    fn end(self) {
        // SAFETY: the sort has not ended, and nothing uses it any more.
        unsafe { pg_sys::tuplesort_end(self.state) }
    }
}
