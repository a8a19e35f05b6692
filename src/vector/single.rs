//! pgvector's type `vector`, of single precision: where indexes read it, and casts from and to it.

use std::ops::Deref;
use std::{mem, ptr, slice};

use half::slice::HalfFloatSliceExt;
use halves::numbers::check_modifier;
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys, varlena};

use super::datum::Header;
use super::{Error, Stored, Vector};
use crate::datum::{is_argument, is_foreign, is_result};
use crate::error::Returned;

/// A `vector` where the server keeps it; copied only where it was compressed, out of line or not aligned. Such a copy is freed
/// on drop: an index is built of many.
///
/// The layout is that of `clip_vector` but for the elements.
pub struct Singles<'a> {
    elements: &'a [f32],
    copy: *mut pg_sys::varlena,
}

impl Singles<'_> {
    /// # Safety
    /// `datum` is pgvector's `vector`, and outlives the result.
    pub unsafe fn read(datum: pg_sys::Datum) -> Option<Self> {
        let original = datum.cast_mut_ptr::<pg_sys::varlena>();
        // SAFETY: a varlena, as the caller vouches; what is not plain already is copied. A plain one is aligned to four bytes,
        // and holds as many bytes as it says: what comes before the elements, then these.
        unsafe {
            let plain = pg_sys::pg_detoast_datum(original);
            let size = varlena::varsize_4b(plain).saturating_sub(size_of::<Header>());
            let first = plain.cast::<Header>().add(1).cast::<f32>();
            Some(Self {
                elements: slice::from_raw_parts(first, size / size_of::<f32>()),
                copy: if plain == original {
                    ptr::null_mut()
                } else {
                    plain
                },
            })
        }
    }
}

impl Deref for Singles<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.elements
    }
}

impl Drop for Singles<'_> {
    fn drop(&mut self) {
        if !self.copy.is_null() {
            // SAFETY: `read` had it allocated, and nothing else refers to it.
            unsafe { pg_sys::pfree(self.copy.cast()) }
        }
    }
}

/// A `vector` to be returned, of 1 to 16000 finite elements.
struct OwnedSingles(Vec<f32>);

impl IntoDatum for OwnedSingles {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        let size = size_of::<Header>() + mem::size_of_val(&*self.0);
        // SAFETY: palloc returns that many bytes, aligned to eight. 16000 fits an int16, as their size fits an int32.
        unsafe {
            let header = pg_sys::palloc(size).cast::<Header>();
            header.write(Header::of(self.0.len()));
            varlena::set_varsize_4b(header.cast(), size as i32);
            let first = header.add(1).cast::<f32>();
            ptr::copy_nonoverlapping(self.0.as_ptr(), first, self.0.len());
            Some(header.into())
        }
    }

    fn type_oid() -> pg_sys::Oid {
        // It is pgvector's, and not asked for.
        pg_sys::InvalidOid
    }
}

is_argument!(<'fcx> Singles<'fcx>);
is_result!(OwnedSingles);
is_foreign!("vector": Singles<'_>);
is_foreign!("vector": OwnedSingles);

#[pg_extern(sql = false)]
fn clip_vector_from_vector(
    vector: Singles<'_>,
    modifier: i32,
    _explicit: bool,
) -> Returned<Vector> {
    Ok(Vector::from_f32(&vector)?.with_modifier(modifier)?)
}

#[pg_extern(sql = false)]
fn clip_vector_to_vector(
    vector: Stored<'_>,
    modifier: i32,
    _explicit: bool,
) -> Returned<OwnedSingles> {
    check_modifier(&vector, modifier).map_err(Error::from)?;
    Ok(OwnedSingles(vector.to_f32_vec()))
}
