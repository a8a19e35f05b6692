//! What an error is to the user who meets it: SQLSTATE, DETAIL, HINT and what is said to whom.
//!
//! Each module says that of its own errors, beside them, by implementing [`Report`]; the errors of crates that several
//! modules stand on are in files here. [`Error`] is any of them, and knows none.

mod clip;
mod failure;
mod imaging;

pub use ::clip::error::reason;
pub use failure::Failure;

use crate::{message, server};
use backfill::{Circumstances, Fault, SqlState};
use pgrx::{
    PgLogLevel,
    PgSqlErrorCode::{self, *},
    pg_sys::{self, panic::ErrorReport, pg_enc},
};
use std::{any::Any, ffi::CStr, fmt, io};

/// An error that a user can meet; its message is its `Display`.
pub trait Report: Any + fmt::Debug + fmt::Display {
    /// What is said beside the message.
    fn fields(&self) -> Fields;

    /// The message for users who may not know where files are on the server, where that is another one.
    fn without_paths(&self) -> Option<String> {
        None
    }

    /// Whether an input is at fault, or may be, rather than the model, the request or the server.
    fn is_of_input(&self) -> bool {
        false
    }
}

/// What is said of an error beside its message.
#[derive(Debug)]
pub struct Fields {
    code: PgSqlErrorCode,
    detail: Option<String>,
    hint: Option<String>,
}

impl Fields {
    /// An SQLSTATE and no more.
    pub fn of(code: PgSqlErrorCode) -> Self {
        Self {
            code,
            detail: None,
            hint: None,
        }
    }

    /// An SQLSTATE and a HINT, a sentence.
    pub fn hinted(code: PgSqlErrorCode, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self {
            hint,
            ..Self::of(code)
        }
    }

    /// An SQLSTATE, a DETAIL and a HINT.
    pub fn explained(
        code: PgSqlErrorCode,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::hinted(code, hint).detail(detail)
    }

    /// With this DETAIL, a sentence.
    pub fn detail(self, detail: impl Into<String>) -> Self {
        let detail = Some(detail.into());
        Self { detail, ..self }
    }

    /// Whether the SQLSTATE is one that an input brings about which is read, or a model that runs on it.
    pub fn may_be_of_input(&self) -> bool {
        Fault::of(SqlState(self.code as i32), Circumstances::default()) == Fault::Row
    }

    /// A report with these and a message.
    fn report(self, message: String) -> ErrorReport {
        let mut report = ErrorReport::new(self.code, message, "");
        if let Some(detail) = self.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = self.hint {
            report = report.set_hint(hint);
        }
        report
    }
}

/// Any error of this extension or of a crate that it stands on.
pub struct Error(Box<dyn Report>);

/// Result with any [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What functions called from SQL return: pgrx raises the report as it stands.
pub type Returned<T> = std::result::Result<T, ErrorReport>;

impl<E: Report> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error {
    /// The error itself, where it is an `E`.
    pub fn get<E: Report>(&self) -> Option<&E> {
        let error: &dyn Any = &*self.0;
        error.downcast_ref()
    }

    /// See [`Report::fields`].
    pub fn fields(&self) -> Fields {
        self.0.fields()
    }

    /// See [`Report::without_paths`].
    pub fn without_paths(&self) -> Option<String> {
        self.0.without_paths()
    }

    /// See [`Report::is_of_input`].
    pub fn is_of_input(&self) -> bool {
        self.0.is_of_input()
    }

    /// Whether the model failed. Whether that is because of its input shows with other inputs.
    pub fn is_of_model(&self) -> bool {
        self.code() == ERRCODE_EXTERNAL_ROUTINE_EXCEPTION
    }

    /// Whether the same input may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(
            self.code(),
            ERRCODE_OUT_OF_MEMORY | ERRCODE_EXTERNAL_ROUTINE_EXCEPTION
        )
    }

    /// The SQLSTATE.
    pub fn code(&self) -> PgSqlErrorCode {
        self.fields().code
    }

    /// The five characters of the SQLSTATE.
    pub fn sqlstate(&self) -> String {
        sqlstate(self.code())
    }

    /// What the current user is told of it, in UTF-8.
    pub fn report(&self) -> ErrorReport {
        let fields = self.fields();
        let mut message = self.to_string();
        if let Some(public) = self.without_paths()
            && !server::may_read_server_files()
        {
            // Logged in full for those who look after the server.
            let whole = Fields::of(fields.code).report(message);
            message::tell(PgLogLevel::LOG_SERVER_ONLY, fields.code, &whole);
            message = public;
        }
        fields.report(message)
    }

    /// Warns of it, where it ends nothing.
    pub fn warn(&self) {
        message::tell(PgLogLevel::WARNING, self.code(), &self.report());
    }

    /// Raises it, from a function that can return no error.
    pub fn raise(self) -> ! {
        or_raise(Err(self.into()))
    }
}

/// The value, or raises the error, for whoever catches it as the server's own.
pub fn or_raise<T>(result: Returned<T>) -> T {
    result.unwrap_or_else(|report| {
        report.report(PgLogLevel::ERROR);
        unreachable!("an error does not return")
    })
}

impl From<Error> for ErrorReport {
    fn from(error: Error) -> Self {
        let whole = error.report();
        let fields = Fields {
            code: error.code(),
            detail: whole.detail().map(presentable),
            hint: whole.hint().map(presentable),
        };
        fields.report(presentable(whole.message()))
    }
}

/// A text of an error as it can be raised: pgrx hands UTF-8 to the server, which expects the database's encoding.
fn presentable(text: &str) -> String {
    // SAFETY: reads a variable of this process.
    match unsafe { pg_sys::GetDatabaseEncoding() } as u32 {
        pg_enc::PG_UTF8 | pg_enc::PG_SQL_ASCII => text.to_owned(),
        _ => text.replace(|character: char| !character.is_ascii(), "?"),
    }
}

/// Hands an error of an input function to a caller that goes on with other values, as in `pg_input_is_valid`; gives it
/// back where nobody waits for it.
///
/// # Safety
/// `fcinfo` is that of the call.
#[cfg(not(any(feature = "pg14", feature = "pg15")))]
pub unsafe fn save(error: Error, fcinfo: pg_sys::FunctionCallInfo) -> Returned<()> {
    // SAFETY: the context of a call is NULL or a node, of which only the type is looked at.
    let context = unsafe {
        let context = (*fcinfo).context;
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_ErrorSaveContext {
            return Err(error.into());
        }
        context
    };
    let strings = message::Strings::of(error.code(), &error.report());
    // SAFETY: the node is what errsave_start expects. Where details are wanted, it begins an error, which is filled in and
    // ended by errsave_finish.
    unsafe {
        if pg_sys::errsave_start(context, std::ptr::null()) {
            strings.fill();
            pg_sys::errsave_finish(context, std::ptr::null(), 0, std::ptr::null());
        }
    }
    Ok(())
}

/// Before version 16 nobody waits for one.
///
/// # Safety
/// None is needed; the function is that of later versions.
#[cfg(any(feature = "pg14", feature = "pg15"))]
pub unsafe fn save(error: Error, _fcinfo: pg_sys::FunctionCallInfo) -> Returned<()> {
    Err(error.into())
}

/// The five characters of an SQLSTATE.
pub fn sqlstate(code: PgSqlErrorCode) -> String {
    // SAFETY: returns a string in a static buffer, which is copied at once.
    let state = unsafe { CStr::from_ptr(pg_sys::unpack_sql_state(code as i32)) };
    state.to_string_lossy().into_owned()
}

/// As the server's own `errcode_for_file_access`.
pub fn file_access(error: &io::Error) -> PgSqlErrorCode {
    use io::ErrorKind::*;
    match error.kind() {
        PermissionDenied | ReadOnlyFilesystem => ERRCODE_INSUFFICIENT_PRIVILEGE,
        NotFound => ERRCODE_UNDEFINED_FILE,
        AlreadyExists => ERRCODE_DUPLICATE_FILE,
        NotADirectory | IsADirectory | DirectoryNotEmpty => ERRCODE_WRONG_OBJECT_TYPE,
        StorageFull => ERRCODE_DISK_FULL,
        OutOfMemory => ERRCODE_OUT_OF_MEMORY,
        _ => ERRCODE_IO_ERROR,
    }
}
