//! What a scan has done, for those who ask why it took so long or found so little.

use graph::scan::{Scan, Way};
use pgrx::{PgLogLevel, PgSqlErrorCode, pg_sys, pg_sys::panic::ErrorReport};

use super::effort::Effort;
use crate::message;

/// What a scan has done, or several.
#[derive(Clone, Copy, Default)]
pub struct Figures {
    /// Nodes of the first batch; of several scans, the last one's.
    pub ef: usize,
    /// Nodes visited on the graph.
    pub visits: usize,
    /// Rows handed to the executor.
    pub rows: usize,
    /// Nodes that strict order has left out.
    pub late: usize,
    /// Scans that have gone over to the filter directory.
    pub listed: usize,
    /// Scans that have read all pages.
    pub passes: usize,
    /// Scans that limits have ended.
    pub truncated: usize,
}

impl Figures {
    /// Of one scan, which has handed out so many rows.
    pub fn of(scan: &Scan, effort: Effort, rows: usize) -> Self {
        Self {
            ef: effort.ef,
            visits: scan.hops(),
            rows,
            late: scan.late(),
            listed: usize::from(scan.way() == Way::Directory),
            passes: usize::from(scan.way() == Way::Pages),
            truncated: usize::from(scan.truncated()),
        }
    }

    /// Tells those who listen what a scan of an index of this name has done.
    pub fn log(&self, name: impl FnOnce() -> String) {
        const LEVEL: PgLogLevel = PgLogLevel::DEBUG1;
        // SAFETY: looks at settings of this process.
        if !unsafe { pg_sys::message_level_is_interesting(LEVEL as i32) } {
            return;
        }
        let code = PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION;
        let message = format!("scan of index \"{}\" has ended", name());
        let report = ErrorReport::new(code, message, "").set_detail(format!(
            "ef_search {}, nodes visited {}, index rows {}, filter directory scans {}, full index scans {}, nodes left out by order {}, truncated scans {}.",
            self.ef, self.visits, self.rows, self.listed, self.passes, self.late, self.truncated
        ));
        message::tell(LEVEL, code, &report);
    }
}

#[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16", feature = "pg17")))]
impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        *self = Self {
            ef: other.ef,
            visits: self.visits + other.visits,
            rows: self.rows + other.rows,
            late: self.late + other.late,
            listed: self.listed + other.listed,
            passes: self.passes + other.passes,
            truncated: self.truncated + other.truncated,
        };
    }
}
