//! How PostgreSQL stores a vector: the varlena header, the dimension (int16), 16 bits that are 0, the halves in the
//! machine's byte order. This is pgvector's layout of `halfvec`.
//!
//! Values from the server are trusted to be of this type, and to hold 1 to 16000 finite halves: nothing makes another.

use std::ops::Deref;
use std::{mem, ptr, slice};

use half::f16;
use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::{IntoDatum, pg_sys, varlena};

use super::Vector;
use crate::datum::{is_argument, is_created, is_element, is_result};
use crate::server;

/// What comes before the elements.
#[repr(C)]
pub(super) struct Header {
    size: [u8; 4],
    dims: i16,
    unused: i16,
}

impl Header {
    /// That of so many elements, at most 16000; its size is yet to be set.
    pub(super) fn of(dims: usize) -> Self {
        Self {
            size: [0; 4],
            dims: dims as i16,
            unused: 0,
        }
    }
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
    unsafe fn read(datum: pg_sys::Datum) -> Option<Self> {
        let original = datum.cast_mut_ptr::<pg_sys::varlena>();
        // SAFETY: a clip_vector is a varlena, whose first byte is there to be looked at. Asking the server would cost more
        // than the rest.
        let (pointer, copy) = if unsafe { varlena::varatt_is_4b_u(original) } {
            (original, ptr::null_mut())
        } else {
            // SAFETY: a varlena, of which this makes a plain copy.
            let copy = unsafe { pg_sys::pg_detoast_datum(original) };
            (copy, copy)
        };
        // SAFETY: a varlena with a four-byte header is aligned to four bytes, and holds as many bytes as that says: what comes
        // before the elements, then these.
        unsafe {
            let size = varlena::varsize_4b(pointer).saturating_sub(size_of::<Header>());
            let dims = size / size_of::<f16>();
            let first = pointer.cast::<Header>().add(1).cast::<f16>();
            let halves = slice::from_raw_parts(first, dims);
            Some(Self {
                halves,
                datum,
                copy,
            })
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

// SAFETY: the datum is the argument that was read.
unsafe impl BoxRet for Stored<'_> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: an argument of the call at hand may be what it returns; a copy of it is not, so dropping that is right.
        unsafe { fcinfo.return_raw_datum(self.datum) }
    }
}

impl Vector {
    /// # Safety
    /// The datum is of the type clip_vector.
    unsafe fn read(datum: pg_sys::Datum) -> Option<Self> {
        // SAFETY: the caller promises a clip_vector, which is copied before this returns.
        let stored = unsafe { Stored::read(datum) };
        stored.map(|stored| Self::from_stored(&stored))
    }
}

impl IntoDatum for Vector {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        let size = size_of::<Header>() + mem::size_of_val(self.halves());
        // SAFETY: palloc returns that many bytes, aligned to eight. 16000 fits an int16, as their size fits an int32.
        unsafe {
            let header = pg_sys::palloc(size).cast::<Header>();
            header.write(Header::of(self.dims()));
            varlena::set_varsize_4b(header.cast(), size as i32);
            let first = header.add(1).cast::<f16>();
            ptr::copy_nonoverlapping(self.halves().as_ptr(), first, self.dims());
            Some(header.into())
        }
    }

    fn type_oid() -> pg_sys::Oid {
        server::own_type(c"clip_vector")
    }
}

is_argument!(<'fcx> Stored<'fcx>);
is_argument!(<'fcx> Vector);
is_element!(Stored<'_>, <'src> Stored<'src>);
is_element!(Vector, <'src> Vector);
is_result!(Vector);
is_created!("clip_vector": Vector, Stored<'_>);
