//! Column statistics: the fraction of NULLs, the width, the number of distinct values, and how far values are from each
//! other, which is what the planner can use of vectors.
//!
//! The last is a slot of a [kind](SAMPLE_KIND) of its own: a few values as they are, for distances from a vector that the
//! query gives, and quantiles of the cosine distance of two values, for a vector that is not known while the query is
//! planned. As most common values or bounds of a histogram, values would take hundreds of kilobytes per column, read
//! whenever a query on it is planned, and the view `pg_stats` would show them.

use halves::sample::{Occurrences, spread};
use pgrx::prelude::*;
use pgrx::{Internal, IntoDatum, PgMemoryContexts, pg_sys, varlena};
use planner::selectivity;

use super::Vector;
use super::datum::Stored;
use crate::server;

/// What `pg_statistic` calls the slot: a number chosen at random from those for private use.
pub const SAMPLE_KIND: i16 = 24_817;
/// Bytes of the values that are kept: 64 of 512 dimensions. As many are read from the catalog when a session first plans
/// a query on the column, and compared with the vector of each query.
const SAMPLE_BYTES: usize = 64 << 10;
/// Least and most values that are kept.
const SAMPLE: std::ops::RangeInclusive<usize> = 8..=128;
/// Values whose distances from each other are looked at: 45 thousand pairs, some milliseconds.
const PAIRED: usize = 300;

#[pg_extern(sql = false)]
fn clip_vector_typanalyze(stats: Internal) -> bool {
    let stats: pg_sys::VacAttrStatsP = stats
        .unwrap()
        .map_or(std::ptr::null_mut(), |datum| datum.cast_mut_ptr());
    // SAFETY: ANALYZE hands its own structure over.
    unsafe {
        // It knows the column's statistics target, hence how many rows to look at; not what to do with them.
        let wanted = pg_sys::std_typanalyze(stats);
        (*stats).compute_stats = Some(compute);
        wanted
    }
}

/// What ANALYZE calls with its sample.
#[pg_guard]
unsafe extern "C-unwind" fn compute(
    stats: pg_sys::VacAttrStatsP,
    fetch: pg_sys::AnalyzeAttrFetchFunc,
    sample_rows: i32,
    total_rows: f64,
) {
    let Some(fetch) = fetch else { return };
    let column = Column { stats, fetch };
    let mut sample = Sample::default();
    let mut rows_with_value = Vec::new();
    for row in 0..sample_rows {
        // SAFETY: the sample has that many rows, counted from 0.
        match unsafe { column.value(row) } {
            None => sample.nulls += 1,
            Some(value) => {
                // SAFETY: ANALYZE calls this for columns of the type whose function has asked for it.
                unsafe { sample.add(value) };
                rows_with_value.push(row);
            }
        }
    }
    if sample_rows > 0 {
        // SAFETY: all these rows have a value, which lives as long as ANALYZE is at this column.
        let vectors = unsafe { column.vectors(spread(&rows_with_value, PAIRED)) };
        // SAFETY: ANALYZE's structure for this column, which nothing else looks at while this runs.
        let stats = unsafe { &mut *stats };
        let rows = f64::from(sample_rows);
        let values = rows - sample.nulls as f64;
        stats.stats_valid = true;
        stats.stanullfrac = (sample.nulls as f64 / rows) as f32;
        stats.stawidth = (sample.width as f64 / values.max(1.0)) as i32;
        stats.stadistinct = sample.occurrences.distinct(rows, total_rows) as f32;
        describe_distances(stats, &vectors);
    }
}

/// The column of ANALYZE's sample that is looked at.
struct Column {
    stats: pg_sys::VacAttrStatsP,
    fetch: unsafe extern "C-unwind" fn(pg_sys::VacAttrStatsP, i32, *mut bool) -> pg_sys::Datum,
}

impl Column {
    /// The value in a row of the sample; none where it is NULL.
    ///
    /// # Safety
    /// The sample has such a row.
    unsafe fn value(&self, row: i32) -> Option<pg_sys::Datum> {
        server::vacuum_delay_point();
        let mut is_null = false;
        // SAFETY: ANALYZE's own function, with the structure that it came with and the number of a row that is there.
        let value = unsafe {
            pg_sys::ffi::pg_guard_ffi_boundary(|| (self.fetch)(self.stats, row, &mut is_null))
        };
        (!is_null).then_some(value)
    }

    /// The vectors in rows of the sample.
    ///
    /// # Safety
    /// The sample has such rows, and their values outlive the result.
    unsafe fn vectors<'a>(&self, rows: impl Iterator<Item = &'a i32>) -> Vec<Stored<'a>> {
        rows.filter_map(|&row| {
            // SAFETY: the caller says that there is such a row.
            let value = unsafe { self.value(row) }?;
            // SAFETY: the column is of the type clip_vector, and the caller says how long the value is there.
            unsafe { Stored::from_datum(value, false) }
        })
        .collect()
    }
}

/// Fills the slot of [`SAMPLE_KIND`], if there are values to compare.
fn describe_distances(stats: &mut pg_sys::VacAttrStats, vectors: &[Stored<'_>]) {
    let size = vectors.iter().map(|vector| size_of_val(&vector[..])).max();
    // One has no distance from others.
    let Some(size) = size.filter(|_| vectors.len() > 1) else {
        return;
    };
    let mut distances = Vec::with_capacity(vectors.len() * vectors.len() / 2);
    for (at, one) in vectors.iter().enumerate() {
        server::vacuum_delay_point();
        distances.extend(
            vectors[..at]
                .iter()
                .map(|other| distance(one, other) as f32),
        );
    }
    let numbers = selectivity::quantiles(&mut distances);
    let kept = (SAMPLE_BYTES / size).clamp(*SAMPLE.start(), *SAMPLE.end());
    // What ANALYZE stores has to outlive this call.
    // SAFETY: ANALYZE's own context, which is there until it has stored what is in it.
    let (values, numbers) = unsafe {
        PgMemoryContexts::For(stats.anl_context).switch_to(|context| {
            let values: Vec<pg_sys::Datum> = spread(vectors, kept)
                .filter_map(|vector| Vector::from_stored(vector).into_datum())
                .collect();
            (
                (values.len(), copy(context, &values)),
                (numbers.len(), copy(context, &numbers)),
            )
        })
    };
    stats.stakind[0] = SAMPLE_KIND;
    stats.staop[0] = pg_sys::InvalidOid;
    stats.stacoll[0] = pg_sys::InvalidOid;
    (stats.numvalues[0], stats.stavalues[0]) = (values.0 as i32, values.1);
    (stats.numnumbers[0], stats.stanumbers[0]) = (numbers.0 as i32, numbers.1);
}

/// A copy in a memory context.
fn copy<T: Copy>(context: &mut PgMemoryContexts, items: &[T]) -> *mut T {
    // SAFETY: palloc returns as many bytes, aligned for any type.
    unsafe {
        let copy: *mut T = context.palloc(size_of_val(items)).cast();
        copy.copy_from_nonoverlapping(items.as_ptr(), items.len());
        copy
    }
}

/// The cosine distance; infinite, where there is none or comparing them would be an error.
pub fn distance(one: &[half::f16], other: &[half::f16]) -> f64 {
    if one.len() != other.len() {
        return f64::INFINITY;
    }
    let distance = kernels::cosine_distance::<half::f16>(one, other);
    if distance.is_nan() {
        f64::INFINITY
    } else {
        distance
    }
}

/// What there is to know about the values of a sample.
#[derive(Default)]
struct Sample {
    nulls: usize,
    /// Bytes of all values as they are stored in the row.
    width: usize,
    /// Values out of line, at thousands of dimensions, are not fetched.
    occurrences: Occurrences,
}

impl Sample {
    /// # Safety
    /// `value` is a `clip_vector`.
    unsafe fn add(&mut self, value: pg_sys::Datum) {
        let pointer = value.cast_mut_ptr();
        // SAFETY: a clip_vector is a varlena, whose first bytes say how long it is where it lies and whether it is out of line.
        unsafe {
            self.width += varlena::varsize_any(pointer);
            if varlena::varatt_is_1b_e(pointer) {
                self.occurrences.add_unseen();
            } else if let Some(vector) = Stored::from_datum(value, false) {
                self.occurrences.add(&vector);
            }
        }
    }
}
