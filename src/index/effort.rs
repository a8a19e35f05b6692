//! How hard a scan looks: by `clip_pg.ef_search`, or by `clip_pg.target_recall` and what was measured of the index.

use pgrx::{PgLogLevel, PgSqlErrorCode, pg_sys, pg_sys::panic::ErrorReport};
use retrieval::calibration::Width;

use super::options;
use crate::{guc, message};

/// How hard scans of an index look.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Nodes of the first batch.
    pub ef: usize,
    /// Whether that is not enough, so that all pages are to be read.
    pub exact: bool,
    /// Whether there is a target that nothing is known of.
    pub uncalibrated: bool,
}

impl Effort {
    /// By `clip_pg.ef_search`.
    pub fn by_setting() -> Self {
        Self {
            ef: guc::ef_search(),
            exact: guc::exact_search(),
            uncalibrated: false,
        }
    }

    /// As the settings and the definition of the index say.
    ///
    /// # Safety
    /// `index` is an open index of this access method.
    pub unsafe fn of(index: pg_sys::Relation) -> Self {
        let by_setting = Self::by_setting();
        let Some(target) = guc::target_recall() else {
            return by_setting;
        };
        // SAFETY: the index is open and of this access method, as the caller vouches.
        let calibration = unsafe { options::calibration(index) };
        match calibration.map(|calibration| calibration.width(target)) {
            Some(Width::Of(ef)) => Self {
                ef: ef as usize,
                ..by_setting
            },
            Some(Width::Beyond(ef)) => Self {
                ef: ef as usize,
                exact: true,
                uncalibrated: false,
            },
            None => Self {
                uncalibrated: !by_setting.exact,
                ..by_setting
            },
        }
    }
}

/// Says that a scan could not go by the target.
pub fn warn_uncalibrated(index: &str) {
    let code = PgSqlErrorCode::ERRCODE_WARNING;
    let message = format!("index \"{index}\" is not calibrated for clip_pg.target_recall");
    let report = ErrorReport::new(code, message, "").set_hint(format!(
        "Its owner can calibrate it by clip_index_calibrate('{index}'). Until then clip_pg.ef_search holds."
    ));
    message::tell(PgLogLevel::WARNING, code, &report);
}
