//! `clip_index_calibrate`: measures what scans of an index find by how wide they search, and keeps that in its definition,
//! where `clip_pg.target_recall` goes by it.
//!
//! A storage parameter is where others see it, dumps and REINDEX keep it, standbys have it, and a transaction that is rolled
//! back forgets it.

use pgrx::pg_sys;
use pgrx::prelude::*;
use retrieval::calibration::Calibration;

use super::error::{Error, Result};
use super::recall::{BY_INDEX, EXACT, Trial};
use super::relation;
use crate::error;
use crate::role::{As, Setting};
use crate::sql;
use crate::text::Text;

/// Settings of a step: those that leave the planner the index, how wide scans search, and the defaults of all else that scans
/// go by. What is measured is for other sessions, too.
const fn step(ef: &'static std::ffi::CStr) -> [Setting; 9] {
    let [seqscan, sort, indexscan] = BY_INDEX;
    [
        seqscan,
        sort,
        indexscan,
        (c"clip_pg.exact_search", c"off"),
        (c"clip_pg.target_recall", c"0"),
        (c"clip_pg.max_scan_tuples", c"20000"),
        (c"clip_pg.exact_fallback", c"on"),
        (c"clip_pg.iterative_order", c"strict"),
        (c"clip_pg.ef_search", ef),
    ]
}

/// Widths that are measured, until one finds all.
static LADDER: [(u32, [Setting; 9]); 9] = [
    (8, step(c"8")),
    (16, step(c"16")),
    (32, step(c"32")),
    (64, step(c"64")),
    (128, step(c"128")),
    (256, step(c"256")),
    (512, step(c"512")),
    (1024, step(c"1024")),
    (2048, step(c"2048")),
];

/// The rows of `clip_index_calibrate`: the columns are described in `sql/index.sql`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn clip_index_calibrate(
    index: Option<pg_sys::Oid>,
    k: Option<i32>,
    sample: Option<i32>,
    queries: Option<pg_sys::Oid>,
) -> std::result::Result<
    TableIterator<'static, (name!(ef_search, i32), name!(recall, f64))>,
    pg_sys::panic::ErrorReport,
> {
    let steps = calibrate(index, k, sample, queries).map_err(error::Error::from)?;
    let rows = steps.into_iter().map(|(ef, recall)| (ef as i32, recall));
    Ok(TableIterator::new(rows))
}

fn calibrate(
    index: Option<pg_sys::Oid>,
    k: Option<i32>,
    sample: Option<i32>,
    queries: Option<pg_sys::Oid>,
) -> Result<Vec<(u32, f64)>> {
    let (Some(index), Some(k @ 1..), Some(sample @ 1..)) = (index, k, sample) else {
        return Err(Error::NotPositive);
    };
    // SAFETY: raises an error, or does nothing; on a standby, too.
    unsafe { pg_sys::PreventCommandIfReadOnly(c"clip_index_calibrate()".as_ptr()) };
    let trial = Trial::of(index, k, sample, queries)?;
    // SAFETY: the index is open.
    let (name, rows) = unsafe {
        let relation = trial.opened.index.as_ptr();
        let rows = (*(*relation).rd_rel).reltuples;
        (relation::name(relation), rows.max(0.0) as u64)
    };
    // SAFETY: looks into the catalogs.
    if !unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), trial.opened.owner()) } {
        return Err(Error::NotOwner(name));
    }
    let steps = measure(&trial, k)?;
    let calibration = Calibration::new(k as u32, rows, steps.iter().copied());
    let calibration = calibration.ok_or(Error::NothingToMeasure(name))?;
    // The server alters no index that is open.
    drop(trial);
    keep(index, &calibration)?;
    Ok(steps)
}

/// What share of the `k` nearest rows each step finds; none where there is nothing to be found.
fn measure(trial: &Trial, k: i32) -> Result<Vec<(u32, f64)>> {
    let nearest = |settings, vector: &Text| trial.measured.nearest(settings, vector.clone(), k);
    let exact = trial.vectors.iter().map(|vector| nearest(&EXACT, vector));
    let exact = exact.collect::<Result<Vec<_>>>()?;
    let wanted: usize = exact.iter().map(Vec::len).sum();
    let mut steps = Vec::new();
    for (ef, settings) in LADDER.iter().filter(|_| wanted > 0) {
        let mut found = 0;
        for (vector, exact) in trial.vectors.iter().zip(&exact) {
            found += retrieval::recall::found(exact, &nearest(settings, vector)?);
        }
        steps.push((*ef, found as f64 / wanted as f64));
        if found == wanted {
            break;
        }
    }
    Ok(steps)
}

/// Puts a calibration into the definition of an index, as the user.
fn keep(index: pg_sys::Oid, calibration: &Calibration) -> Result<()> {
    let _caller = As::caller();
    sql::connect(|client| {
        let name = client
            .select("SELECT $1::regclass::text", Some(1), &[index.into()])?
            .first()
            .get::<Text>(1)?
            .unwrap_or_default();
        let name = name.as_str();
        let statement = format!("ALTER INDEX {name} SET (calibration = '{calibration}')");
        client.update(&statement, &[])?;
        Ok(())
    })
}
