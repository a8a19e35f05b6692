//! What the planner has to know of an index, read from its options and its first page.

use graph::layout::Shape;
use graph::store::PageStore;
use pgrx::pg_sys;

use super::effort::Effort;
use super::pages::Pages;
use super::{options, relation};
use crate::vector::base_type;

/// Dimensions of an index that is not there, only supposed to be.
const SUPPOSED_DIMENSIONS: usize = 512;

/// What the planner has to know of an index.
pub struct Known {
    /// How its nodes are laid out.
    pub shape: Option<Shape>,
    /// Dimensions of its vectors.
    pub dimensions: usize,
    /// How hard its scans look.
    pub effort: Effort,
    /// Nodes that are listed in the filter directory on pages with summaries.
    pub summarized: f64,
}

/// What the planner has to know of an index.
///
/// # Safety
/// The index is one that the planner at work has locked, or that is only supposed to be.
pub unsafe fn known(index: &pg_sys::IndexOptInfo) -> Known {
    let columns = index.nkeycolumns as usize - 1;
    let (m, dimensions, effort, summarized) = if index.hypothetical {
        let m = options::DEFAULT_M as usize;
        // As though it were built now.
        (m, SUPPOSED_DIMENSIONS, Effort::by_setting(), f64::INFINITY)
    } else {
        // SAFETY: the planner has the index locked; it is open while it is read, and closed again.
        let (m, (r#type, modifier), effort, summarized) = unsafe {
            let open = pg_sys::index_open(index.indexoid, pg_sys::NoLock as i32);
            let read = (
                options::m(open),
                relation::column(open),
                Effort::of(open),
                match columns {
                    0 => 0.0,
                    _ => summarized(open),
                },
            );
            pg_sys::index_close(open, pg_sys::NoLock as i32);
            read
        };
        let (_, modifier) = base_type(r#type, modifier);
        let dimensions = usize::try_from(modifier).unwrap_or(SUPPOSED_DIMENSIONS);
        (m, dimensions, effort, summarized)
    };
    Known {
        shape: Shape::new(dimensions, m, columns).ok(),
        dimensions,
        effort,
        summarized,
    }
}

/// Nodes of an index that are listed on pages with summaries; of one that cannot be read a scan will tell why.
///
/// # Safety
/// The index is open and locked.
unsafe fn summarized(index: pg_sys::Relation) -> f64 {
    // SAFETY: the caller vouches for the index.
    let page = unsafe { Pages::new(index) }.read(0);
    page.ok()
        .and_then(|page| page.meta().ok().map(|meta| meta.summarized))
        .unwrap_or(0)
        .into()
}
