//! How values of an index's first column are read as vectors of halves, which are what an index is of.
//!
//! A `clip_vector` is one, and so is whatever has its layout, as pgvector's `halfvec` has. An operator class of another type says
//! by a function of number 3 what its elements are, and values are converted.

use std::ops::Deref;

use graph::space::Metric;
use half::f16;
use halves::singles::{Kept, Refused, Sought};
use pgrx::{FromDatum, pg_extern, pg_sys};

use super::error::{Error, Result};
use super::{SUPPORT_ELEMENTS, options, relation};
use crate::vector::{Singles, Stored};

/// What the function of number 3 returns for elements of single precision, laid out as pgvector's `vector`.
const SINGLE: i32 = 1;

#[pg_extern(sql = false)]
fn clip_hnsw_singles() -> i32 {
    SINGLE
}

/// How an index reads the values of its first column.
#[derive(Clone, Copy)]
pub struct Vectors {
    index: pg_sys::Relation,
    /// Of elements in single precision, what the index keeps.
    singles: Option<Kept>,
}

/// A vector that an index holds.
pub enum Halves<'a> {
    /// As it is stored.
    Stored(Stored<'a>),
    /// As it was converted.
    Made(Vec<f16>),
}

impl Deref for Halves<'_> {
    type Target = [f16];

    fn deref(&self) -> &[f16] {
        match self {
            Self::Stored(stored) => stored,
            Self::Made(halves) => halves,
        }
    }
}

/// A vector to look for.
pub struct Center<'a> {
    /// As the index would hold it.
    pub halves: Halves<'a>,
    /// Where it and those of the index were converted, the norm of what it has lost.
    pub lost: Option<f64>,
    /// Whether the graph leads to what is near to it.
    pub leads: bool,
}

impl Vectors {
    /// Those of `index`.
    ///
    /// # Safety
    /// `index` is an open index of this access method, and stays open as long as the value is used.
    pub unsafe fn of(index: pg_sys::Relation) -> Result<Self> {
        // SAFETY: the index is open, as the caller vouches; a function of this number takes no argument and returns an
        // integer, see `validate`.
        let elements = unsafe {
            if pg_sys::index_getprocid(index, 1, SUPPORT_ELEMENTS) == pg_sys::InvalidOid {
                let singles = None;
                return Ok(Self { index, singles });
            }
            let function = pg_sys::index_getprocinfo(index, 1, SUPPORT_ELEMENTS);
            pg_sys::FunctionCall0Coll(function, pg_sys::InvalidOid).value() as i32
        };
        if elements != SINGLE {
            // SAFETY: the index is open, as the caller vouches.
            return Err(Error::Elements(unsafe { relation::name(index) }));
        }
        // SAFETY: as above.
        let singles = match unsafe { options::metric(index)? } {
            Metric::Cosine => Some(Kept::Direction),
            Metric::InnerProduct | Metric::L2 => Some(Kept::Elements),
        };
        Ok(Self { index, singles })
    }

    /// The vector of an index tuple, or none where it is null.
    ///
    /// # Safety
    /// `values` and `nulls` have an element; the first value is of the index's first column, and outlives the result.
    pub unsafe fn first<'a>(
        self,
        values: *mut pg_sys::Datum,
        nulls: *mut bool,
    ) -> Result<Option<Halves<'a>>> {
        // SAFETY: the caller vouches for an element of each.
        let (value, null) = unsafe { (*values, *nulls) };
        let Some(kept) = self.singles else {
            // SAFETY: the value is a `clip_vector` or has its layout, as the operator class says.
            return Ok(unsafe { Stored::from_datum(value, null) }.map(Halves::Stored));
        };
        // SAFETY: the value has the layout of `vector`, as the operator class says.
        let singles = unsafe { Singles::from_datum(value, null) };
        let made = singles.map(|singles| kept.of(&singles)).transpose();
        Ok(made
            .map_err(|refused| self.refused(refused))?
            .map(Halves::Made))
    }

    /// What a scan looks for, or none where that is null.
    ///
    /// # Safety
    /// The value is of the type of the index's operator class, and outlives the result.
    pub unsafe fn center<'a>(self, value: pg_sys::Datum, null: bool) -> Option<Center<'a>> {
        let Some(kept) = self.singles else {
            // SAFETY: the value is a `clip_vector` or has its layout, as the operator class says.
            let stored = unsafe { Stored::from_datum(value, null) };
            return stored.map(|stored| Center {
                halves: Halves::Stored(stored),
                lost: None,
                leads: true,
            });
        };
        // SAFETY: the value has the layout of `vector`, as the operator class says.
        let singles = unsafe { Singles::from_datum(value, null) }?;
        let Sought {
            halves,
            lost,
            is_another,
        } = kept.sought(&singles);
        Some(Center {
            halves: Halves::Made(halves),
            lost: Some(lost),
            leads: !is_another,
        })
    }

    fn refused(self, refused: Refused) -> Error {
        // SAFETY: the index is open as long as this is used.
        let index = unsafe { relation::name(self.index) };
        match refused {
            Refused::Norm(norm) => Error::Norm { index, norm },
            Refused::Element(halves::Error::OutOfRange { element, value }) => Error::Element {
                index,
                element,
                value,
            },
            Refused::Element(error) => Error::Vector(error),
        }
    }
}
