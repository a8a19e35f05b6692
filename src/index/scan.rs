//! Rows in the order of `ORDER BY embedding <=> …`, or those that a condition asks for.
//!
//! A scan that is ordered emits what distances are at least, numbers that never decrease. The executor works out each
//! row's distance and puts rows in the order of these: that is what it does where a scan says that it is to check the
//! order again. A condition, [`within`] a distance of the same vector, ends a scan; rows that may be beyond it, and
//! those of a condition about another vector, are left to the executor to check. A condition without an order is
//! exact, as a boolean condition has to be: all pages are read. Who prefers an answer that may lack rows sets
//! `clip_pg.approximate_within`, and gets them from the graph.
//!
//! Conditions on the columns after the first are the [`filter`](super::filter) of the scan. Where words do not decide, the
//! executor checks a row again.
//!
//! What the server hands over may be several: conditions are taken all, orders are refused by the planner's cost and
//! here, and so are scans without an order or a condition on the vector, for vectors that are NULL or have no direction are
//! not in the index. It can hand over no backward direction, for the access method does not say that it can.

use graph::index::Index;
use graph::layout::{LeftOut, Tid};
use graph::scan::{Options, Order, Scan};
use graph::search::Limits;
use pgrx::{
    FromDatum, PgLogLevel, PgMemoryContexts, PgSqlErrorCode, pg_guard, pg_sys,
    pg_sys::panic::ErrorReport,
};

use super::effort::{Effort, warn_uncalibrated};
use super::error::{Error, Result};
use super::figures::Figures;
use super::filter::Columns;
use super::pages::Pages;
use super::tid::item_pointer;
use super::vectors::Vectors;
use super::within::Ball;
use super::{STRATEGY_DISTANCE, STRATEGY_WITHIN, raise, relation};
use crate::{guc, message};

/// Whether a scan takes rows from all pages instead of the graph from the start.
pub fn is_exact(ordered: bool) -> bool {
    !ordered && (guc::exact_search() || !guc::approximate_within())
}

/// What a scan keeps between calls. Dropped with the memory context of the scan, however that ends.
#[derive(Default)]
struct State {
    running: Option<Running>,
    /// Whether it has said that it may lack rows.
    warned: bool,
    /// Whether it has said that it knows of no calibration.
    told: bool,
    /// What scans have done that have ended.
    #[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17")))]
    done: Figures,
}

struct Running {
    index: Index<Pages>,
    scan: Scan,
    /// Whether the executor has conditions to check.
    recheck: bool,
    /// Whether rows come in an order, which it checks.
    ordered: bool,
    effort: Effort,
    /// Rows that were returned.
    rows: usize,
    /// The row that was returned last.
    last: Option<Tid>,
}

impl Running {
    /// What it has done.
    fn figures(&self) -> Figures {
        Figures::of(&self.scan, self.effort, self.rows)
    }
}

impl State {
    /// Ends what is running on an index of this name, to begin again or not.
    fn stop(&mut self, name: impl FnOnce() -> String) -> Result<()> {
        if let Some(running) = self.running.take() {
            let figures = running.figures();
            figures.log(name);
            #[cfg(not(any(
                feature = "pg14",
                feature = "pg15",
                feature = "pg16",
                feature = "pg17"
            )))]
            {
                self.done += figures;
            }
            let Running { index, scan, .. } = running;
            let left_out = LeftOut {
                scans: scan.truncated().into(),
                late: u32::try_from(scan.late()).unwrap_or(u32::MAX),
            };
            scan.close();
            if left_out != LeftOut::default() {
                index.count_left_out(left_out)?;
            }
        }
        Ok(())
    }

    /// Marks the row dead that was returned last: the executor has found that nobody can see it any more.
    fn mark_dead(&self) -> Result<()> {
        if let Some(Running {
            index,
            scan,
            last: Some(row),
            ..
        }) = &self.running
        {
            scan.mark_dead(index, *row)?;
        }
        Ok(())
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn begin(
    index: pg_sys::Relation,
    keys: i32,
    order_bys: i32,
) -> pg_sys::IndexScanDesc {
    // SAFETY: the index is open.
    unsafe {
        let scan = pg_sys::RelationGetIndexScan(index, keys, order_bys);
        if order_bys > 0 {
            let count = order_bys as usize;
            (*scan).xs_orderbyvals = pg_sys::palloc0(count * size_of::<pg_sys::Datum>()).cast();
            (*scan).xs_orderbynulls = pg_sys::palloc0(count * size_of::<bool>()).cast();
        }
        let state =
            PgMemoryContexts::CurrentMemoryContext.leak_and_drop_on_delete(State::default());
        (*scan).opaque = state.cast();
        scan
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn rescan(
    scan: pg_sys::IndexScanDesc,
    keys: pg_sys::ScanKey,
    _key_count: i32,
    order_bys: pg_sys::ScanKey,
    _order_by_count: i32,
) {
    // SAFETY: the scan is one of `begin`, which made room for as many keys as there are.
    unsafe {
        stop(scan).unwrap_or_else(|error| raise(error));
        if !keys.is_null() && (*scan).numberOfKeys > 0 {
            keys.copy_to((*scan).keyData, (*scan).numberOfKeys as usize);
        }
        if !order_bys.is_null() && (*scan).numberOfOrderBys > 0 {
            order_bys.copy_to((*scan).orderByData, (*scan).numberOfOrderBys as usize);
        }
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn next(
    scan: pg_sys::IndexScanDesc,
    _direction: pg_sys::ScanDirection::Type,
) -> bool {
    // SAFETY: the scan is one of `begin`.
    unsafe { next_row(scan).unwrap_or_else(|error| raise(error)) }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn end(scan: pg_sys::IndexScanDesc) {
    // SAFETY: the scan is one of `begin`.
    unsafe { stop(scan).unwrap_or_else(|error| raise(error)) }
}

/// A distance as the operators return it: by value, on machines of 64 bits.
fn float8(distance: f64) -> pg_sys::Datum {
    pg_sys::Datum::from(distance.to_bits())
}

/// # Safety
/// `scan` is one of [`begin`].
unsafe fn state<'a>(scan: pg_sys::IndexScanDesc) -> &'a mut State {
    // SAFETY: `begin` has put it there, and it lives as long as the scan; nothing else refers to it while it is used here.
    unsafe { &mut *(*scan).opaque.cast::<State>() }
}

/// What the scans of a plan's node have done.
///
/// # Safety
/// `scan` is one of [`begin`], and has not ended.
#[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17")))]
pub unsafe fn figures(scan: pg_sys::IndexScanDesc) -> Figures {
    // SAFETY: the scan is one of `begin`, as the caller vouches.
    let state = unsafe { state(scan) };
    let mut figures = state.done;
    if let Some(running) = &state.running {
        figures += running.figures();
    }
    figures
}

/// Ends what is running.
///
/// # Safety
/// `scan` is one of [`begin`].
unsafe fn stop(scan: pg_sys::IndexScanDesc) -> Result<()> {
    // SAFETY: the scan is one of `begin`, as the caller vouches; its index is open.
    unsafe { state(scan).stop(|| relation::name((*scan).indexRelation)) }
}

/// # Safety
/// `scan` is one of [`begin`].
unsafe fn next_row(scan: pg_sys::IndexScanDesc) -> Result<bool> {
    // SAFETY: the scan is one of `begin`, as the caller vouches.
    let state = unsafe { state(scan) };
    // SAFETY: the executor's part of the scan is not the state's.
    if unsafe { (*scan).kill_prior_tuple } {
        state.mark_dead()?;
    }
    if state.running.is_none() {
        // SAFETY: the executor asks for rows when it has set the keys.
        state.running = unsafe { start(scan)? };
        if let Some(running) = &state.running
            && running.effort.uncalibrated
            && !std::mem::replace(&mut state.told, true)
        {
            // SAFETY: the index of a scan is open.
            warn_uncalibrated(&unsafe { relation::name((*scan).indexRelation) });
        }
    }
    let Some(running) = &mut state.running else {
        return Ok(false);
    };
    let row = running.scan.next_row(&running.index)?;
    running.last = row.map(|row| row.tid);
    running.rows += usize::from(row.is_some());
    if let Some(row) = row {
        // SAFETY: where the executor looks for the row. `begin` has made room for a distance of each order, and a scan that
        // is ordered has one.
        unsafe {
            (*scan).xs_heaptid = item_pointer(row.tid);
            (*scan).xs_recheck = running.recheck || row.recheck;
            (*scan).xs_recheckorderby = running.ordered;
            if running.ordered {
                (*scan).xs_orderbyvals.write(float8(row.bound));
                (*scan).xs_orderbynulls.write(false);
            }
        }
    } else if running.scan.truncated() && !std::mem::replace(&mut state.warned, true) {
        // SAFETY: the index of a scan is open.
        let name = unsafe { relation::name((*scan).indexRelation) };
        warn_truncated(&name, &running.scan);
    }
    Ok(row.is_some())
}

/// Begins where the keys say; nowhere if one of the conditions is NULL.
///
/// # Safety
/// `scan` is one of [`begin`], and its keys are set.
unsafe fn start(scan: pg_sys::IndexScanDesc) -> Result<Option<Running>> {
    // SAFETY: a scan has its snapshot.
    let kind = unsafe { (*(*scan).xs_snapshot).snapshot_type };
    // Without a pin on a page, nothing keeps vacuum from removing rows that other snapshots see.
    if kind != pg_sys::SnapshotType::SNAPSHOT_MVCC
        && kind != pg_sys::SnapshotType::SNAPSHOT_HISTORIC_MVCC
    {
        return Err(Error::Snapshot);
    }
    // SAFETY: the scan is one of `begin`, as the caller vouches; its index is open until it ends.
    let index = unsafe {
        count_scan(scan);
        Pages::new((*scan).indexRelation).open()?
    };
    // SAFETY: `rescan` has set as many keys of either kind.
    let (conditions, orders) = unsafe {
        (
            keys((*scan).keyData, (*scan).numberOfKeys),
            keys((*scan).orderByData, (*scan).numberOfOrderBys),
        )
    };
    let (first, filters): (Vec<_>, Vec<_>) = conditions.iter().partition(|key| key.sk_attno == 1);
    // SAFETY: the index of a scan is open, and these keys are on its filter columns.
    let filter = unsafe { Columns::of((*scan).indexRelation)?.filter(filters.into_iter()) };
    let (Some(balls), Some(filter)) = (Balls::of(&index, &first)?, filter) else {
        return Ok(None);
    };
    // SAFETY: the index of a scan is open until it ends.
    let vectors = unsafe { Vectors::of((*scan).indexRelation)? };
    let sought = match orders {
        [] if !balls.bound => return Err(Error::NoOrder),
        [] => None,
        [key] => {
            debug_assert_eq!(key.sk_strategy, STRATEGY_DISTANCE);
            // SAFETY: the argument of this operator, of which `validate` makes sure, is a vector.
            unsafe { vectors.center(key.sk_argument, is_null(key)) }
        }
        _ => return Err(Error::Orders(orders.len() as i32)),
    };
    if let Some(sought) = &sought {
        index.check_dimensions(&sought.halves)?;
    }
    // Every row is as far from a vector without direction, or from none: any order is right.
    let sought = sought.filter(|sought| index.takes(&sought.halves));
    let order = sought.as_ref().map(|sought| &*sought.halves);
    let center = order.or(balls.known.first().map(|ball| &*ball.center));
    let mut radius = f64::INFINITY;
    let mut recheck = balls.recheck;
    for ball in &balls.known {
        if center.is_some_and(|center| *center == *ball.center) {
            radius = radius.min(ball.radius);
        } else {
            recheck = true;
        }
    }
    let query = match center {
        Some(center) => index.query(center)?,
        None => index.query_for_any()?,
    };
    let query = match sought.as_ref().and_then(|sought| sought.lost) {
        Some(lost) => query.converted(lost),
        None => query,
    };
    let leads = sought.as_ref().is_none_or(|sought| sought.leads);
    // SAFETY: what the executor allows, beside the state.
    let skip_dead = unsafe { (*scan).ignore_killed_tuples };
    let ordered = order.is_some();
    // SAFETY: the index of a scan is open.
    let effort = unsafe { Effort::of((*scan).indexRelation) };
    let options = options(ordered, skip_dead, effort.ef);
    let scan = if is_exact(ordered) || center.is_none() {
        Scan::all(&index, query, radius, skip_dead)?
    } else if effort.exact || !leads {
        Scan::new(query, options).within(radius).exact()
    } else if guc::exact_fallback() {
        Scan::new(query, options).within(radius).complete()
    } else {
        Scan::new(query, options).within(radius)
    };
    Ok(Some(Running {
        index,
        scan: scan.filtered(filter),
        recheck,
        ordered,
        effort,
        rows: 0,
        last: None,
    }))
}

/// What conditions on the vector ask for.
#[derive(Default)]
struct Balls<'a> {
    /// Balls in all of which it is.
    known: Vec<Ball<'a>>,
    /// Whether there are conditions that leave out those that have no direction, as the index does.
    bound: bool,
    /// Whether the executor has some of them to check.
    recheck: bool,
}

impl Balls<'_> {
    /// What these keys ask for; `None` where nothing can pass.
    fn of(index: &Index<Pages>, conditions: &[&pg_sys::ScanKeyData]) -> Result<Option<Self>> {
        let mut balls = Self::default();
        for key in conditions {
            let is = |flag: u32| key.sk_flags & flag as i32 != 0;
            if is(pg_sys::SK_SEARCHNULL) {
                // There is none in an index, but in the table; the planner is kept from it by the cost.
                return Err(Error::NoOrder);
            }
            if is(pg_sys::SK_SEARCHNOTNULL) {
                continue;
            }
            balls.bound = true;
            if is(pg_sys::SK_SEARCHARRAY) && !is_null(key) {
                balls.recheck = true;
                continue;
            }
            debug_assert_eq!(key.sk_strategy, STRATEGY_WITHIN);
            // SAFETY: the argument of this operator, of which `validate` makes sure, is a ball.
            let Some(ball) = (unsafe { Ball::from_datum(key.sk_argument, is_null(key)) }) else {
                return Ok(None);
            };
            // Nothing is within any distance of nothing.
            if !index.takes(&ball.center) || ball.radius.is_nan() {
                return Ok(None);
            }
            balls.known.push(ball);
        }
        Ok(Some(balls))
    }
}

fn is_null(key: &pg_sys::ScanKeyData) -> bool {
    key.sk_flags & pg_sys::SK_ISNULL as i32 != 0
}

/// How a scan on the graph works, by the settings.
fn options(ordered: bool, skip_dead: bool, ef: usize) -> Options {
    let (order, nodes) = match ordered {
        true => (guc::iterative_order(), guc::max_scan_tuples()),
        // They are all wanted.
        false => (Order::Relaxed, usize::MAX),
    };
    Options {
        ef,
        order,
        limits: Limits {
            nodes,
            // SAFETY: computed from settings of this process.
            bytes: unsafe { pg_sys::get_hash_memory_limit() },
        },
        skip_dead,
    }
}

/// # Safety
/// There are `count` keys, or none where the pointer is null.
unsafe fn keys<'a>(first: pg_sys::ScanKey, count: i32) -> &'a [pg_sys::ScanKeyData] {
    if first.is_null() {
        return &[];
    }
    // SAFETY: the pointer is not null, so that there are as many, as the caller vouches.
    unsafe { std::slice::from_raw_parts(first, count as usize) }
}

/// Counts a scan for `pg_stat_user_indexes` and `EXPLAIN`: the server's macro `pgstat_count_index_scan`.
///
/// # Safety
/// `scan` is one of [`begin`].
unsafe fn count_scan(scan: pg_sys::IndexScanDesc) {
    // SAFETY: the index is open; its counters are this process's own.
    unsafe {
        let relation = (*scan).indexRelation;
        #[cfg(not(feature = "pg14"))]
        if (*relation).pgstat_info.is_null() && (*relation).pgstat_enabled {
            pg_sys::pgstat_assoc_relation(relation);
        }
        if let Some(counters) = (*relation).pgstat_info.as_mut() {
            #[cfg(any(feature = "pg14", feature = "pg15"))]
            {
                counters.t_counts.t_numscans += 1;
            }
            #[cfg(not(any(feature = "pg14", feature = "pg15")))]
            {
                counters.counts.numscans += 1;
            }
        }
        #[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17")))]
        if let Some(instrument) = (*scan).instrument.as_mut() {
            instrument.nsearches += 1;
        }
    }
}

/// Says that there may be more rows.
fn warn_truncated(index: &str, scan: &Scan) {
    let (reached, more) = match scan.is_at_most_nodes() {
        true => ("clip_pg.max_scan_tuples", "clip_pg.max_scan_tuples"),
        false => ("the limit of its memory", "work_mem"),
    };
    let code = PgSqlErrorCode::ERRCODE_WARNING;
    let message = format!("scan of index \"{index}\" ended at {reached} and may lack rows");
    let report = ErrorReport::new(code, message, "").set_hint(format!(
        "Set clip_pg.exact_fallback to on, or increase {more}, to find more rows."
    ));
    message::tell(PgLogLevel::WARNING, code, &report);
}
