//! How PostgreSQL stores a classifier: as its bytes, like a `bytea`.

use std::rc::Rc;
use std::slice;

use classifier::{Classifier, FINGERPRINT_BYTES};
use pgrx::{IntoDatum, pg_sys, varlena};

use crate::datum::{is_argument, is_created, is_result};
use crate::error::Result;
use crate::server;

/// A `clip_classifier` that is returned.
#[derive(Clone)]
pub struct Value(Rc<[u8]>);

impl From<&Classifier> for Value {
    fn from(classifier: &Classifier) -> Self {
        Self(classifier.to_bytes().into())
    }
}

impl IntoDatum for Value {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        (&*self.0).into_datum()
    }

    fn type_oid() -> pg_sys::Oid {
        server::own_type(c"clip_classifier")
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
    /// # Safety
    /// The datum is of the type clip_classifier and outlives the result.
    unsafe fn read(datum: pg_sys::Datum) -> Option<Self> {
        // SAFETY: a clip_classifier is a varlena, which the caller promises to outlive the result.
        let value = unsafe { &*datum.cast_mut_ptr() };
        Some(Self { value })
    }

    /// What it begins with, by which it is told from others. No more of it is fetched.
    pub fn fingerprint(&self) -> Result<[u8; FINGERPRINT_BYTES]> {
        if let Key::Front(front) = self.key() {
            return Ok(classifier::fingerprint(front)?);
        }
        let original = std::ptr::from_ref(self.value).cast_mut();
        // SAFETY: a clip_classifier is a varlena, of whose front this makes a copy.
        let front =
            unsafe { pg_sys::pg_detoast_datum_slice(original, 0, FINGERPRINT_BYTES as i32) };
        // SAFETY: the copy is a plain varlena, of whose bytes nothing is kept.
        let fingerprint = unsafe {
            let fingerprint = classifier::fingerprint(varlena::varlena_to_byte_slice(front));
            pg_sys::pfree(front.cast());
            fingerprint
        };
        Ok(fingerprint?)
    }

    /// What is at hand of it without fetching anything.
    pub fn key(&self) -> Key<'_> {
        // SAFETY: a clip_classifier is a varlena, and has as many bytes as its header, or its kind of pointer, says.
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
        // SAFETY: a clip_classifier is a varlena; a copy of it is freed when `work` is done with the bytes, which it cannot keep.
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

is_argument!(<'fcx> Stored<'fcx>);
is_result!(Value);
is_created!("clip_classifier": Value, Stored<'_>);
