//! The type `tid`.

use backfill::Tid;
use pgrx::{
    datum::{FromDatum, IntoDatum},
    itemptr::{item_pointer_get_both, item_pointer_set_all},
    pg_sys,
};

/// A value of the type `tid`.
#[derive(Clone, Copy)]
pub struct TidDatum(pub Tid);

impl FromDatum for TidDatum {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _type: pg_sys::Oid,
    ) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the caller passes a datum of the type tid: a pointer to one, aligned for its parts of two bytes.
        let item = unsafe { *datum.cast_mut_ptr::<pg_sys::ItemPointerData>() };
        let (block, offset) = item_pointer_get_both(item);
        Some(Self(Tid { block, offset }))
    }
}

impl IntoDatum for TidDatum {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        let Tid { block, offset } = self.0;
        // SAFETY: the memory has room for an item, which is written whole.
        unsafe {
            let item: *mut pg_sys::ItemPointerData =
                pg_sys::palloc0(size_of::<pg_sys::ItemPointerData>()).cast();
            item_pointer_set_all(&mut *item, block, offset);
            Some(item.into())
        }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::TIDOID
    }
}

/// As an argument of a statement.
pub fn datums(rows: impl Iterator<Item = Tid>) -> Vec<TidDatum> {
    rows.map(TidDatum).collect()
}
