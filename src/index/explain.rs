//! What `EXPLAIN (ANALYZE)` tells of a scan beside what the server does, since PostgreSQL 18, which has a hook for it.
//!
//! Figures are of all scans that the node of the plan has made in this process, as the server's own are. Those that are
//! mostly none are left out of the text if they are.

use std::ffi::CStr;
use std::ptr::null;

use pgrx::{pg_guard, pg_sys};

use super::scan::figures;

static mut NEXT: pg_sys::explain_per_node_hook_type = None;

/// Puts the hook in place, once per process.
pub fn install() {
    // SAFETY: called while the library is loaded, in the process's one thread.
    unsafe {
        NEXT = pg_sys::explain_per_node_hook;
        pg_sys::explain_per_node_hook = Some(tell);
    }
}

/// Called by the server when it has told what it knows of a node.
#[pg_guard]
unsafe extern "C-unwind" fn tell(
    node: *mut pg_sys::PlanState,
    ancestors: *mut pg_sys::List,
    relationship: *const std::ffi::c_char,
    name: *const std::ffi::c_char,
    explain: *mut pg_sys::ExplainState,
) {
    // SAFETY: the hook that was there before gets what the server gave. A node of this tag is an index scan, whose
    // descriptor, where it has one, is open until the executor ends, and is ours if the index is.
    unsafe {
        if let Some(next) = NEXT {
            pg_sys::ffi::pg_guard_ffi_boundary(|| {
                next(node, ancestors, relationship, name, explain);
            });
        }
        if !(*explain).analyze || (*node).type_ != pg_sys::NodeTag::T_IndexScanState {
            return;
        }
        let scan = (*node.cast::<pg_sys::IndexScanState>()).iss_ScanDesc;
        if scan.is_null() {
            return;
        }
        let method = (*(*(*scan).indexRelation).rd_rel).relam;
        if method != pg_sys::get_index_am_oid(c"clip_hnsw".as_ptr(), true) {
            return;
        }
        let figures = figures(scan);
        let is_text = (*explain).format == pg_sys::ExplainFormat::EXPLAIN_FORMAT_TEXT;
        let always = |label: &CStr, number: usize| {
            pg_sys::ExplainPropertyInteger(label.as_ptr(), null(), number as i64, explain);
        };
        let mostly_none = |label: &CStr, number: usize| {
            if number > 0 || !is_text {
                always(label, number);
            }
        };
        always(c"Search Width", figures.ef);
        always(c"Nodes Visited", figures.visits);
        always(c"Index Rows", figures.rows);
        mostly_none(c"Filter Directory Scans", figures.listed);
        mostly_none(c"Full Index Scans", figures.passes);
        mostly_none(c"Nodes Left Out By Order", figures.late);
        mostly_none(c"Truncated Scans", figures.truncated);
    }
}
