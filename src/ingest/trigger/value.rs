//! Values of a row that a trigger looks at.

use crate::text::to_utf8;
use imaging::{Part, Region};
use pgrx::{
    pg_sys,
    varlena::{varlena_to_byte_slice, varsize_any},
};
use std::{ffi::c_int, ptr, slice};

/// A column's value in a row: bytea, a type that is stored like text, the OID of a large object, a number, or a vector.
#[derive(Clone, Copy)]
pub struct Value {
    /// As it is in the row, be it a pointer to where it is kept; `None` for NULL.
    pub datum: Option<pg_sys::Datum>,
    /// The type, without a domain.
    pub r#type: pg_sys::Oid,
}

/// What the embedding of a row is of: a source, and which part of an image that is.
#[derive(Clone, Copy)]
pub struct Subject {
    /// An image or a text.
    pub source: Value,
    /// The number of a page, or NULL.
    pub page: Value,
    /// The name of a region, or NULL.
    pub region: Value,
}

impl Subject {
    fn values(&self) -> [&Value; 3] {
        [&self.source, &self.page, &self.region]
    }

    /// Whether the two are the same, of columns of the same types.
    ///
    /// # Safety
    /// The rows that they are of are there still.
    pub unsafe fn is_same(&self, other: &Self) -> bool {
        let mut pairs = self.values().into_iter().zip(other.values());
        // SAFETY: the caller has the rows.
        pairs.all(|(one, other)| one.r#type == other.r#type && unsafe { one.is_same(other) })
    }

    /// A copy of what is stored in the row itself.
    ///
    /// # Safety
    /// The row is there still. The copy is there as long as the current memory context.
    pub unsafe fn copy(&self) -> Self {
        // SAFETY: the caller has the row.
        let [source, page, region] = self.values().map(|value| unsafe { value.copy() });
        Self {
            source,
            page,
            region,
        }
    }

    /// Which part of an image is meant.
    ///
    /// # Errors
    /// [`imaging::Error::InvalidRegion`].
    ///
    /// # Safety
    /// The row is there still.
    pub unsafe fn part(&self) -> imaging::Result<Part> {
        let page = self.page.datum.map(|page| page.value() as i32);
        let region = match self.region.datum {
            // SAFETY: a region is stored like text.
            Some(region) => unsafe { to_utf8(bytes(region)) }.parse()?,
            None => Region::Full,
        };
        Ok(Part { page, region })
    }
}

/// What is to be embedded.
pub enum Content<'a> {
    /// A text.
    Text(String),
    /// An image file.
    Image(&'a [u8]),
}

impl Value {
    /// That of a column that there is not.
    pub const NONE: Self = Self {
        datum: None,
        r#type: pg_sys::InvalidOid,
    };

    /// Whether the value itself is in the row, rather than a varlena.
    fn is_number(&self) -> bool {
        matches!(self.r#type, pg_sys::OIDOID | pg_sys::INT4OID)
    }

    /// # Safety
    /// The row is described by `description` and has the column, which is of the type.
    pub unsafe fn read(
        row: pg_sys::HeapTuple,
        column: i16,
        r#type: pg_sys::Oid,
        description: pg_sys::TupleDesc,
    ) -> Self {
        let mut null = false;
        // SAFETY: the caller hands over a row, its description and a number that it has.
        let datum =
            unsafe { pg_sys::heap_getattr(row, c_int::from(column), description, &mut null) };
        Self {
            datum: (!null).then_some(datum),
            r#type,
        }
    }

    /// Whether the two, of one type, are the same. An UPDATE that leaves the column alone is known by what is stored in
    /// the row itself, be it a pointer; only where that differs, and the lengths do not, the contents are read.
    ///
    /// # Safety
    /// The rows that they are of are there still.
    pub unsafe fn is_same(&self, other: &Self) -> bool {
        let (Some(one), Some(other)) = (self.datum, other.datum) else {
            return self.datum.is_none() && other.datum.is_none();
        };
        if self.is_number() {
            return one == other;
        }
        // SAFETY: of the other types every value is a varlena; what is read of them was made by the server.
        unsafe {
            stored(one) == stored(other)
                || pg_sys::toast_raw_datum_size(one) == pg_sys::toast_raw_datum_size(other)
                    && bytes(one) == bytes(other)
        }
    }

    /// A copy of what is stored in the row itself.
    ///
    /// # Safety
    /// The row is there still. The copy is there as long as the current memory context.
    pub unsafe fn copy(&self) -> Self {
        let copy = |datum: pg_sys::Datum| {
            if self.is_number() {
                return datum;
            }
            // SAFETY: of the other types every value is a varlena; the copy has room for it.
            unsafe {
                let stored = stored(datum);
                let copy = pg_sys::palloc(stored.len()).cast::<u8>();
                ptr::copy_nonoverlapping(stored.as_ptr(), copy, stored.len());
                copy.into()
            }
        };
        Self {
            datum: self.datum.map(copy),
            r#type: self.r#type,
        }
    }

    /// What a source holds, read from wherever it is kept.
    ///
    /// # Safety
    /// The row is there still, and as long as the result.
    pub unsafe fn content(&self) -> Option<Content<'_>> {
        let datum = self.datum?;
        // SAFETY: the datum is of the type; lo_get takes one OID and returns bytea.
        Some(unsafe {
            match self.r#type {
                pg_sys::OIDOID => {
                    // Sees a large object that the same command has made, as in VALUES (lo_import(…)).
                    pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
                    let function = pg_sys::F_LO_GET_OID;
                    let image = pg_sys::OidFunctionCall1Coll(function, pg_sys::InvalidOid, datum);
                    pg_sys::PopActiveSnapshot();
                    Content::Image(bytes(image))
                }
                pg_sys::BYTEAOID => Content::Image(bytes(datum)),
                _ => Content::Text(to_utf8(bytes(datum))),
            }
        })
    }
}

/// What is stored in the row itself.
///
/// # Safety
/// `datum` is a varlena that lives as long as the result.
unsafe fn stored<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: the head of a varlena tells how many bytes it has, be it long, short, or a pointer to where it is kept.
    unsafe {
        let pointer = datum.cast_mut_ptr::<u8>();
        slice::from_raw_parts(pointer, varsize_any(pointer.cast()))
    }
}

/// # Safety
/// `datum` is a varlena that lives as long as the result; a copy lives as long as the trigger's call.
unsafe fn bytes<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: the server fetches and unpacks what is not there as it stands, in memory of the trigger's call.
    unsafe { varlena_to_byte_slice(pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr())) }
}
