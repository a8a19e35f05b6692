//! How PostgreSQL stores a classifier: as its bytes, like a `bytea`.

use std::rc::Rc;
use std::slice;

use classifier::{Classifier, FINGERPRINT_BYTES};
use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::{FromDatum, IntoDatum, pg_sys, varlena};

use crate::datum::{is_argument, is_created};
use crate::error::Result;

/// A `clip_classifier` that is returned.
#[derive(Clone)]
pub struct Value(Rc<[u8]>);

impl From<&Classifier> for Value {
    fn from(classifier: &Classifier) -> Self {
        Self(classifier.to_bytes().into())
    }
}

// SAFETY: the datum is new, and what `classifier` reads back.
unsafe impl BoxRet for Value {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        match (&*self.0).into_datum() {
            // SAFETY: see above.
            Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
            None => fcinfo.return_null(),
        }
    }
}

/// A `clip_classifier` that is an argument, where the server keeps it.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    value: &'a pg_sys::varlena,
}

/// What tells a stored value from others without reading all of it.
pub enum Key<'a> {
    /// The bytes at its front, where the fingerprint is.
    Front(&'a [u8]),
    /// All that is in the row, where the value is compressed or elsewhere.
    InRow(&'a [u8]),
}

impl Stored<'_> {
    /// What it begins with, by which it is told from others. No more of it is fetched.
    pub fn fingerprint(&self) -> Result<[u8; FINGERPRINT_BYTES]> {
        if let Key::Front(front) = self.key() {
            return Ok(classifier::fingerprint(front)?);
        }
        let original = std::ptr::from_ref(self.value).cast_mut();
        // SAFETY: a varlena; of the copy of its front, which is freed, nothing is kept.
        unsafe {
            let front = pg_sys::pg_detoast_datum_slice(original, 0, FINGERPRINT_BYTES as i32);
            let fingerprint = classifier::fingerprint(varlena::varlena_to_byte_slice(front));
            pg_sys::pfree(front.cast());
            Ok(fingerprint?)
        }
    }

    /// What is at hand of it without fetching anything.
    pub fn key(&self) -> Key<'_> {
        // SAFETY: a varlena with as many bytes as its header, or its kind of pointer, says.
        unsafe {
            if varlena::varatt_is_1b_e(self.value) || varlena::varatt_is_4b_c(self.value) {
                let bytes = slice::from_raw_parts(
                    std::ptr::from_ref(self.value).cast(),
                    varlena::varsize_any(self.value),
                );
                Key::InRow(bytes)
            } else {
                let bytes = varlena::varlena_to_byte_slice(self.value);
                Key::Front(&bytes[..bytes.len().min(FINGERPRINT_BYTES)])
            }
        }
    }

    /// Hands its bytes to `work`; they are fetched and decompressed where that is needed, and let go afterwards.
    pub fn with_bytes<R>(&self, work: impl FnOnce(&[u8]) -> R) -> R {
        let original = std::ptr::from_ref(self.value).cast_mut();
        // SAFETY: a varlena; a copy is freed when nothing refers to it any more.
        unsafe {
            let packed = pg_sys::pg_detoast_datum_packed(original);
            let result = work(varlena::varlena_to_byte_slice(packed));
            if packed != original {
                pg_sys::pfree(packed.cast());
            }
            result
        }
    }
}

impl FromDatum for Stored<'_> {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the caller's promise: a varlena that outlives the result.
        let value = unsafe { &*datum.cast_mut_ptr() };
        Some(Self { value })
    }
}

is_argument!(<'fcx> Stored<'fcx>);
is_created!("clip_classifier": Value, Stored<'_>);
