//! How PostgreSQL stores a vector: the varlena header, the dimension (int16), 16 bits that are 0, the halves in the
//! machine's byte order. This is pgvector's layout of `halfvec`.
//!
//! Values from the server are trusted to be of this type, and to hold 1 to 16000 finite halves: nothing makes another.

use std::ops::Deref;
use std::{mem, ptr, slice};

use half::f16;
use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pg_sys::SysCacheIdentifier::TYPENAMENSP;
use pgrx::{FromDatum, IntoDatum, pg_sys, varlena};

use super::Vector;
use crate::datum::{is_argument, is_created, is_element, is_result};

/// What comes before the elements.
#[repr(C)]
struct Header {
    size: [u8; 4],
    dims: i16,
    unused: i16,
}

/// A vector where the server keeps it; copied only where it was compressed, out of line or not aligned.
///
/// Such a copy is freed on drop: the comparisons of a sort all run in one memory context.
pub struct Stored<'a> {
    halves: &'a [f16],
    datum: pg_sys::Datum,
    copy: *mut pg_sys::varlena,
}

impl Stored<'_> {
    /// # Safety
    /// `datum` is a `clip_vector` that outlives the result.
    #[inline]
    unsafe fn read(datum: pg_sys::Datum) -> Self {
        let original = datum.cast_mut_ptr::<pg_sys::varlena>();
        // SAFETY: a varlena, by the contract. With a four-byte header it is aligned to four bytes, and holds as many
        // bytes as that says.
        unsafe {
            // Asking the server would cost more than the rest.
            let (pointer, copy) = if varlena::varatt_is_4b_u(original) {
                (original, ptr::null_mut())
            } else {
                let copy = pg_sys::pg_detoast_datum(original);
                (copy, copy)
            };
            let size = varlena::varsize_4b(pointer).saturating_sub(size_of::<Header>());
            let dims = size / size_of::<f16>();
            let first = pointer.cast::<Header>().add(1).cast::<f16>();
            let halves = slice::from_raw_parts(first, dims);
            Self {
                halves,
                datum,
                copy,
            }
        }
    }
}

impl Deref for Stored<'_> {
    type Target = [f16];

    #[inline]
    fn deref(&self) -> &[f16] {
        self.halves
    }
}

impl Drop for Stored<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.copy.is_null() {
            // SAFETY: `read` had it allocated, and nothing else refers to it.
            unsafe { pg_sys::pfree(self.copy.cast()) }
        }
    }
}

impl FromDatum for Stored<'_> {
    #[inline]
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        // SAFETY: the caller's promise about the datum.
        (!is_null).then(|| unsafe { Self::read(datum) })
    }
}

// SAFETY: the datum is the argument that was read.
unsafe impl BoxRet for Stored<'_> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: see above.
        unsafe { fcinfo.return_raw_datum(self.datum) }
    }
}

impl FromDatum for Vector {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        typoid: pg_sys::Oid,
    ) -> Option<Self> {
        // SAFETY: the caller's promise about the datum.
        let stored = unsafe { Stored::from_polymorphic_datum(datum, is_null, typoid) };
        stored.map(|stored| Vector::from_stored(stored.halves))
    }
}

impl IntoDatum for Vector {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        let size = size_of::<Header>() + mem::size_of_val(self.halves());
        // SAFETY: palloc returns that many bytes, aligned to eight. 16000 fits an int16, as their size fits an int32.
        unsafe {
            let header = pg_sys::palloc(size).cast::<Header>();
            header.write(Header {
                size: [0; 4],
                dims: self.dims() as i16,
                unused: 0,
            });
            varlena::set_varsize_4b(header.cast(), size as i32);
            let first = header.add(1).cast::<f16>();
            ptr::copy_nonoverlapping(self.halves().as_ptr(), first, self.dims());
            Some(header.into())
        }
    }

    fn type_oid() -> pg_sys::Oid {
        type_oid()
    }
}

/// The type in the extension's schema, wherever the search path leads.
fn type_oid() -> pg_sys::Oid {
    let name: pg_sys::Datum = c"clip_vector".as_ptr().into();
    let none = pg_sys::Datum::null();
    // SAFETY: the names are C strings; the members of the list are used before it is released.
    unsafe {
        let extension = pg_sys::get_extension_oid(c"clip_pg".as_ptr(), false);
        let list = pg_sys::SearchSysCacheList(TYPENAMENSP as i32, 1, name, none, none);
        let members = slice::from_raw_parts((*list).members.as_ptr(), (*list).n_members as usize);
        let oids = members.iter().map(|&member| {
            let row = ptr::addr_of_mut!((*member).tuple);
            (*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_type>()).oid
        });
        let oids: Vec<pg_sys::Oid> = oids.collect();
        pg_sys::ReleaseCatCacheList(list);
        let own = |&oid: &pg_sys::Oid| {
            pg_sys::getExtensionOfObject(pg_sys::TypeRelationId, oid) == extension
        };
        oids.into_iter().find(own).unwrap_or(pg_sys::InvalidOid)
    }
}

is_argument!(<'fcx> Stored<'fcx>);
is_argument!(<'fcx> Vector);
is_element!(Stored<'_>, <'src> Stored<'src>);
is_element!(Vector, <'src> Vector);
is_result!(Vector);
is_created!("clip_vector": Vector, Stored<'_>);
