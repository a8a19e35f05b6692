//! Acting as another role.

use pgrx::pg_sys;
use std::{ffi::CStr, thread};

/// A setting and its value.
pub type Setting = (&'static CStr, &'static CStr);

/// Where names are looked up, unless they are qualified.
pub const SEARCH_PATH: Setting = (c"search_path", c"pg_catalog, pg_temp");

/// Settings in force meanwhile. Names are those of the catalogs, a scan begins where the table does, and no time is
/// spent on compiling statements that are run once.
const SETTINGS: [Setting; 3] = [
    SEARCH_PATH,
    (c"synchronize_seqscans", c"off"),
    (c"jit", c"off"),
];

/// For a statement that makes keys of rows: as JSON, values are what these settings make of them, and keys are compared with
/// those of other sessions.
pub const KEYS: [Setting; 6] = [
    (c"bytea_output", c"hex"),
    (c"datestyle", c"ISO, MDY"),
    (c"extra_float_digits", c"1"),
    (c"intervalstyle", c"postgres"),
    (c"lc_monetary", c"C"),
    (c"timezone", c"UTC"),
];

/// For a statement that reads rows in the order of an index: it is used whatever the planner believes of a table that has
/// just been filled.
pub const IN_ORDER_OF_INDEX: [Setting; 2] = [
    (c"enable_sort", c"off"),
    (c"max_parallel_workers_per_gather", c"0"),
];

/// For a statement that reads rows in the order of the table.
pub const IN_ORDER_OF_TABLE: [Setting; 3] = [
    (c"enable_indexscan", c"off"),
    (c"enable_indexonlyscan", c"off"),
    (c"max_parallel_workers_per_gather", c"0"),
];

/// Until it is dropped, SQL runs with the rights of a role, in a security-restricted operation: whatever the tables of
/// that role make run cannot get hold of the caller's rights.
pub struct As {
    caller: pg_sys::Oid,
    context: i32,
    nest: i32,
}

impl As {
    /// Changes to `role`; the caller has checked that this is called for. The `settings` are in force besides the usual.
    pub fn role(role: pg_sys::Oid, settings: impl IntoIterator<Item = &'static Setting>) -> Self {
        let changed = Self::begin(role);
        set(SETTINGS.iter().chain(settings));
        changed
    }

    /// Stays the caller, who no longer decides where names are looked up: for statements about the catalogs.
    pub fn caller() -> Self {
        // SAFETY: reads a variable of this process.
        Self::role(unsafe { pg_sys::GetUserId() }, &[])
    }

    /// Changes to the owner of a table whose indexes' expressions are to be evaluated, as the server does for their
    /// maintenance: under its search path since version 17, and before under the caller's; but that of nobody else than
    /// those who have the owner's rights anyway, for it decides which functions the owner's call.
    pub fn maintainer(owner: pg_sys::Oid) -> Self {
        let changed = Self::begin(owner);
        #[cfg(any(feature = "pg14", feature = "pg15", feature = "pg16"))]
        // SAFETY: looks into the catalogs.
        if !unsafe { pg_sys::has_privs_of_role(changed.caller, owner) } {
            set(&[SEARCH_PATH]);
        }
        #[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16")))]
        // SAFETY: the nest level that the setting belongs to has begun.
        unsafe {
            pg_sys::RestrictSearchPath();
        }
        changed
    }

    fn begin(role: pg_sys::Oid) -> Self {
        let mut caller = pg_sys::InvalidOid;
        let mut context = 0;
        let restricted = pg_sys::SECURITY_RESTRICTED_OPERATION as i32;
        // SAFETY: the server's way to do this, see REFRESH MATERIALIZED VIEW.
        let nest = unsafe {
            pg_sys::GetUserIdAndSecContext(&mut caller, &mut context);
            pg_sys::SetUserIdAndSecContext(role, context | restricted);
            pg_sys::NewGUCNestLevel()
        };
        Self {
            caller,
            context,
            nest,
        }
    }

    /// Changes to the role that owns the server's catalogs, for the extension's own tables.
    pub fn superuser() -> Self {
        Self::role(pg_sys::Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID), &[])
    }
}

/// Until it is dropped, settings are in force for statements of the caller's own.
pub struct With(i32);

impl With {
    /// Puts `settings` in force.
    pub fn settings(settings: &[Setting]) -> Self {
        // SAFETY: begins a nest level, which drop ends.
        let nest = unsafe { pg_sys::NewGUCNestLevel() };
        set(settings);
        Self(nest)
    }
}

impl Drop for With {
    fn drop(&mut self) {
        // After an error, the end of the transaction or subtransaction puts them back.
        if !thread::panicking() {
            // SAFETY: the nest level of `settings`.
            unsafe { pg_sys::AtEOXact_GUC(false, self.0) }
        }
    }
}

/// Puts settings in force until the nest level ends that has begun.
fn set<'a>(settings: impl IntoIterator<Item = &'a Setting>) {
    for (name, value) in settings {
        // SAFETY: the strings are constants.
        unsafe {
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
    }
}

impl Drop for As {
    fn drop(&mut self) {
        // After an error, the end of the transaction or subtransaction puts both back.
        if !thread::panicking() {
            // SAFETY: what `begin` saved, given back in the opposite order.
            unsafe {
                pg_sys::AtEOXact_GUC(false, self.nest);
                pg_sys::SetUserIdAndSecContext(self.caller, self.context);
            }
        }
    }
}
