//! Rows in the order of `ORDER BY embedding <=> …`, or those that a condition asks for.
//!
//! A scan that is ordered emits true distances that never decrease, so that nothing is checked again. A condition,
//! [`within`] a distance of the same vector, ends it. A condition about another vector is left to the executor to check,
//! and one without an order is answered in the order of its own vector.

use hnsw::index::Index;
use hnsw::layout::Tid;
use hnsw::scan::{Limits, Options, Order, Scan};
use pgrx::{
    FromDatum, PgLogLevel, PgMemoryContexts, PgSqlErrorCode, pg_guard, pg_sys,
    pg_sys::panic::ErrorReport,
};

use super::error::{Error, Result};
use super::pages::{Pages, item_pointer};
use super::within::Ball;
use super::{STRATEGY_DISTANCE, STRATEGY_WITHIN, raise};
use crate::{guc, vector::Stored};

/// What a scan keeps between calls. Dropped with the memory context of the scan, however that ends.
#[derive(Default)]
struct State(Option<Running>);

struct Running {
    index: Index<Pages>,
    scan: Scan,
    /// Whether the rows are wanted in an order.
    ordered: bool,
    /// The distance at which to end.
    radius: f64,
    /// Whether the executor has conditions to check.
    recheck: bool,
    /// The row that was returned last.
    last: Option<Tid>,
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
        state(scan).0 = None;
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
    unsafe { state(scan).0 = None };
}

/// # Safety
/// `scan` is one of [`begin`].
unsafe fn state<'a>(scan: pg_sys::IndexScanDesc) -> &'a mut State {
    // SAFETY: the contract; nothing else refers to the state.
    unsafe { &mut *(*scan).opaque.cast::<State>() }
}

/// # Safety
/// `scan` is one of [`begin`].
unsafe fn next_row(scan: pg_sys::IndexScanDesc) -> Result<bool> {
    // SAFETY: the contract.
    unsafe {
        mark_dead(scan)?;
        let state = state(scan);
        if state.0.is_none() {
            state.0 = start(scan)?;
        }
        let Some(running) = &mut state.0 else {
            return Ok(false);
        };
        running.last = None;
        match running.scan.next_row(&running.index)? {
            Some(row) if row.distance <= running.radius => {
                running.last = Some(row.tid);
                (*scan).xs_heaptid = item_pointer(row.tid);
                (*scan).xs_recheck = running.recheck;
                (*scan).xs_recheckorderby = false;
                Ok(true)
            }
            None if running.scan.truncated() => {
                running.index.count_truncated_scan()?;
                tell_truncated(running.scan.hops(), running.ordered);
                Ok(false)
            }
            _ => Ok(false),
        }
    }
}

/// Marks the row dead that was returned last, where the executor has found it so.
///
/// # Safety
/// `scan` is one of [`begin`].
unsafe fn mark_dead(scan: pg_sys::IndexScanDesc) -> Result<()> {
    // SAFETY: the contract.
    unsafe {
        if (*scan).kill_prior_tuple
            && let Some(Running {
                index,
                scan,
                last: Some(row),
                ..
            }) = &state(scan).0
        {
            scan.mark_dead(index, *row)?;
        }
    }
    Ok(())
}

/// Begins where the keys say; nowhere if one of the conditions is NULL.
///
/// # Safety
/// `scan` is one of [`begin`], and its keys are set.
unsafe fn start(scan: pg_sys::IndexScanDesc) -> Result<Option<Running>> {
    // SAFETY: the contract; the arguments of keys are of the types that `validate` looks for.
    unsafe {
        let relation = (*scan).indexRelation;
        let kind = (*(*scan).xs_snapshot).snapshot_type;
        // Without a pin on a page, nothing keeps vacuum from removing rows that other snapshots see.
        if kind != pg_sys::SnapshotType::SNAPSHOT_MVCC
            && kind != pg_sys::SnapshotType::SNAPSHOT_HISTORIC_MVCC
        {
            return Err(Error::Snapshot);
        }
        count_scan(scan);
        let index = Pages::new(relation).open()?;
        let mut balls = Vec::new();
        for key in keys((*scan).keyData, (*scan).numberOfKeys) {
            debug_assert_eq!(key.sk_strategy, STRATEGY_WITHIN);
            if key.sk_flags & pg_sys::SK_ISNULL as i32 != 0 {
                return Ok(None);
            }
            match Ball::from_datum(key.sk_argument, false) {
                Some(ball) if index.takes(&ball.center) && !ball.radius.is_nan() => {
                    balls.push(ball);
                }
                // Nothing is within any distance of nothing.
                _ => return Ok(None),
            }
        }
        let order = keys((*scan).orderByData, (*scan).numberOfOrderBys).first();
        let mut vector = None;
        if let Some(key) = order {
            debug_assert_eq!(key.sk_strategy, STRATEGY_DISTANCE);
            let null = key.sk_flags & pg_sys::SK_ISNULL as i32 != 0;
            vector = Stored::from_datum(key.sk_argument, null);
        } else if balls.is_empty() {
            return Err(Error::NoOrder);
        }
        let target: Option<&[half::f16]> = match (&vector, order, balls.first()) {
            (Some(vector), ..) => Some(vector),
            (None, None, Some(ball)) => Some(&ball.center),
            _ => None,
        };
        let mut radius = f64::INFINITY;
        let mut recheck = false;
        for ball in &balls {
            if target.is_some_and(|target| *target == *ball.center) {
                radius = radius.min(ball.radius);
            } else {
                recheck = true;
            }
        }
        let query = match target {
            Some(target) => index.query(target)?,
            // Every distance is NULL: any order will do.
            None => index.query_for_any()?,
        };
        // Rows that are asked for in no order are all wanted, in whatever order they are found.
        let ordered = order.is_some();
        let options = Options {
            ef: guc::ef_search(),
            order: match &vector {
                Some(_) => guc::iterative_order(),
                None => Order::Relaxed,
            },
            limits: Limits {
                nodes: if ordered {
                    guc::max_scan_tuples()
                } else {
                    usize::MAX
                },
                bytes: pg_sys::get_hash_memory_limit(),
            },
            skip_dead: (*scan).ignore_killed_tuples,
        };
        Ok(Some(Running {
            scan: Scan::new(query, options),
            index,
            ordered,
            radius,
            recheck,
            last: None,
        }))
    }
}

/// # Safety
/// There are `count` keys, or none where the pointer is null.
unsafe fn keys<'a>(first: pg_sys::ScanKey, count: i32) -> &'a [pg_sys::ScanKeyData] {
    if first.is_null() {
        return &[];
    }
    // SAFETY: the contract.
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
        #[cfg(feature = "pg18")]
        if let Some(instrument) = (*scan).instrument.as_mut() {
            instrument.nsearches += 1;
        }
    }
}

/// Says that there may be more rows: aloud, where a statement relies on having all of them.
fn tell_truncated(nodes: usize, ordered: bool) {
    let (level, hint) = match ordered {
        true => (
            PgLogLevel::DEBUG1,
            "Increase clip_pg.max_scan_tuples, or work_mem, to find more rows.",
        ),
        false => (PgLogLevel::WARNING, "Increase work_mem to find more rows."),
    };
    ErrorReport::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("scan of clip_hnsw index ended after {nodes} nodes"),
        "",
    )
    .set_hint(hint)
    .report(level);
}
