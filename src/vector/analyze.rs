//! Column statistics: the fraction of NULLs, the width and the number of distinct values, which is what the planner can
//! use of vectors. Storing values as most common ones or bounds of a histogram would take hundreds of kilobytes per
//! column, read whenever a query on it is planned.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use pgrx::prelude::*;
use pgrx::{Internal, pg_sys, varlena};

use super::compare::canonical;
use super::datum::Stored;
use crate::server;

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
    let mut sample = Sample::default();
    for row in 0..sample_rows {
        let mut is_null = false;
        // SAFETY: `stats` and rows from 0 on are what the function expects; its values are of the column's type.
        unsafe {
            server::vacuum_delay_point();
            let value = pg_sys::ffi::pg_guard_ffi_boundary(|| fetch(stats, row, &mut is_null));
            if is_null {
                sample.nulls += 1;
            } else {
                sample.add(value);
            }
        }
    }
    if sample_rows > 0 {
        // SAFETY: as above.
        let stats = unsafe { &mut *stats };
        let rows = f64::from(sample_rows);
        let values = rows - sample.nulls as f64;
        stats.stats_valid = true;
        stats.stanullfrac = (sample.nulls as f64 / rows) as f32;
        stats.stawidth = (sample.width as f64 / values.max(1.0)) as i32;
        stats.stadistinct = sample.distinct(values, rows, total_rows) as f32;
    }
}

/// What there is to know about the values of a sample.
#[derive(Default)]
struct Sample {
    nulls: usize,
    /// Bytes of all values as they are stored in the row.
    width: usize,
    /// Values out of line, which are not fetched: at thousands of dimensions they are taken to differ from all others.
    out_of_line: usize,
    /// How often each value occurs, by its hash.
    occurrences: HashMap<u64, usize>,
}

impl Sample {
    /// # Safety
    /// `value` is a `clip_vector`.
    unsafe fn add(&mut self, value: pg_sys::Datum) {
        let pointer = value.cast_mut_ptr();
        // SAFETY: the contract.
        unsafe {
            self.width += varlena::varsize_any(pointer);
            if varlena::varatt_is_1b_e(pointer) {
                self.out_of_line += 1;
            } else if let Some(vector) = Stored::from_datum(value, false) {
                let mut hasher = DefaultHasher::new();
                canonical(&vector).for_each(|half| half.to_bits().hash(&mut hasher));
                *self.occurrences.entry(hasher.finish()).or_default() += 1;
            }
        }
    }

    /// The number of distinct values in a table of `total` rows of which `values` out of `rows` sampled ones are not NULL;
    /// as a negative multiple of the number of rows where it grows with them, and 0 where there is nothing to tell from.
    ///
    /// The estimator is PostgreSQL's own (commands/analyze.c): Haas and Stokes, Estimating the number of classes in a
    /// finite population, 1998.
    fn distinct(&self, values: f64, rows: f64, total: f64) -> f64 {
        let repeated = self
            .occurrences
            .values()
            .filter(|&&count| count > 1)
            .count();
        let once = (self.occurrences.len() - repeated + self.out_of_line) as f64;
        let distinct = once + repeated as f64;
        let fraction = values / rows;
        if values == 0.0 {
            return 0.0;
        }
        if repeated == 0 {
            return -fraction;
        }
        let all = total * fraction;
        let estimate = values * distinct / (values - once + once * values / all);
        let estimate = estimate.clamp(distinct, all.max(distinct)).round();
        if estimate > 0.1 * total {
            -estimate / total
        } else {
            estimate
        }
    }
}
