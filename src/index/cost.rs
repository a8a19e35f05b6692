//! What a scan costs, for the planner.
//!
//! A scan visits a node for each row of its first batch and some more on its way there, then one for each further
//! row. A node is a page, read at random, and an estimate of the distance to each neighbour. So the first rows are
//! cheap and all of them are dear, far dearer than a sort, which is what the planner needs to know to choose by
//! `LIMIT`.

use pgrx::{pg_guard, pg_sys};

use crate::guc;

/// Neighbours of a node, unless `m` is set.
const NEIGHBOURS: f64 = 32.0;
/// Neighbours whose distances take as long to estimate as one operator takes to call.
const ESTIMATES_PER_OPERATOR: f64 = 16.0;

#[pg_guard]
#[allow(clippy::too_many_arguments)] // As the server calls it.
pub unsafe extern "C-unwind" fn estimate(
    root: *mut pg_sys::PlannerInfo,
    path: *mut pg_sys::IndexPath,
    loops: f64,
    startup_cost: *mut pg_sys::Cost,
    total_cost: *mut pg_sys::Cost,
    selectivity: *mut pg_sys::Selectivity,
    correlation: *mut f64,
    pages: *mut f64,
) {
    // SAFETY: all of it is the planner's.
    unsafe {
        let index = (*path).indexinfo;
        let ordered = !(*path).indexorderbys.is_null();
        let bounded = !(*path).indexclauses.is_null();
        *correlation = 0.0;
        if cannot_scan(path) {
            *startup_cost = f64::INFINITY;
            *total_cost = f64::INFINITY;
            *selectivity = 1.0;
            *pages = f64::from((*index).pages);
            #[cfg(feature = "pg18")]
            {
                (*path).path.disabled_nodes += 2;
            }
            return;
        }
        let mut generic = pg_sys::GenericCosts::default();
        pg_sys::genericcostestimate(root, path, loops, &mut generic);

        let rows = (*index).tuples.max(1.0);
        let found = (rows * generic.indexSelectivity).max(1.0);
        let first = (2.0 * (guc::ef_search() as f64 + rows.log2())).min(rows);
        let all = if bounded { found.max(first) } else { rows };
        let visit = pg_sys::cpu_index_tuple_cost
            + pg_sys::cpu_operator_cost * (1.0 + NEIGHBOURS / ESTIMATES_PER_OPERATOR);
        // Pages that are read again by another scan may be cached by then.
        let read = |nodes: f64| {
            let fetched = pg_sys::index_pages_fetched(
                nodes * loops,
                (*index).pages,
                f64::from((*index).pages),
                root,
            );
            fetched / loops
        };
        let cost = |nodes: f64| read(nodes) * generic.spc_random_page_cost + nodes * visit;
        *total_cost = cost(all);
        *startup_cost = cost(first).min(*total_cost);
        if ordered && wanted(root, index).min(all) > guc::max_scan_tuples() as f64 {
            // The scan would end before it has as many rows as are wanted.
            *startup_cost = *total_cost;
        }
        *selectivity = generic.indexSelectivity;
        *pages = read(all);
    }
}

/// Whether the planner offers what a scan cannot do: the order of several distances, or none and no condition, where
/// rows can be had from the table.
///
/// # Safety
/// The path is the planner's.
unsafe fn cannot_scan(path: *const pg_sys::IndexPath) -> bool {
    // SAFETY: the contract; both are lists of the planner's or null.
    unsafe {
        let orders = (*path).indexorderbys.as_ref();
        let orders = orders.map_or(0, |orders| orders.length);
        orders > 1 || orders == 0 && (*path).indexclauses.is_null()
    }
}

/// Nodes to be visited for as many rows as `LIMIT` and `OFFSET` ask for, given what other conditions leave of them.
///
/// # Safety
/// Both are the planner's.
unsafe fn wanted(root: *mut pg_sys::PlannerInfo, index: *mut pg_sys::IndexOptInfo) -> f64 {
    // SAFETY: the contract.
    unsafe {
        let rows = (*index).tuples;
        let limit = (*root).limit_tuples;
        if limit < 0.0 {
            return rows;
        }
        let left = ((*(*index).rel).rows / rows.max(1.0)).clamp(f64::MIN_POSITIVE, 1.0);
        (limit / left).min(rows)
    }
}
