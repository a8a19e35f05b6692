//! Arrays as arguments of functions.

use crate::error::{Fields, Report, Result};
use pgrx::{Array, PgSqlErrorCode::*, datum::UnboxDatum};

/// An array holds a NULL that may hold none.
#[derive(Debug, thiserror::Error)]
#[error("array \"{0}\" must not contain nulls")]
pub struct NullElement(pub &'static str);

impl Report for NullElement {
    fn fields(&self) -> Fields {
        Fields::hinted(
            ERRCODE_NULL_VALUE_NOT_ALLOWED,
            "Leave nulls out with array_remove or a WHERE clause.",
        )
    }
}

/// The elements of the argument `name`, none where it is NULL. Fails with [`NullElement`].
pub fn elements<'a, T: UnboxDatum>(
    name: &'static str,
    array: &'a Option<Array<'_, T>>,
) -> Result<Vec<T::As<'a>>> {
    let elements = array.iter().flat_map(|array| array.iter());
    let elements: Option<_> = elements.collect();
    Ok(elements.ok_or(NullElement(name))?)
}
