//! The model registry: files, not a table.
//!
//! A registered model is one file, `NAME.json` in `clip_pg.model_directory`. Nothing here reads a table, so embedding
//! works in generated columns and expression indexes while a dump is restored, in any order, and on a standby.

mod error;
mod functions;
mod registry;

pub use error::Error;
pub use registry::find;

use crate::{error::Result, guc};
use clip::manifest::Manifest;
use pgrx::pg_sys;
use std::{cell::RefCell, path::PathBuf, rc::Rc};

/// A registered model.
pub struct Model {
    /// Name it is registered under.
    pub name: String,
    /// Where its files are, absolute.
    pub directory: PathBuf,
    /// What its files are, and how they are used.
    pub manifest: Manifest,
}

thread_local! {
    /// What was resolved last, in which statement and from which directory.
    static LAST: RefCell<Option<(Moment, Rc<Model>)>> = const { RefCell::new(None) };
}

/// When the current statement began, and where it looks for models.
type Moment = (i64, PathBuf);

/// The model registered as `name`, or without a name the one that `clip_pg.model` names.
///
/// Costs one `stat` per statement if this process has met the model before: a function may be called for every row of a
/// table. Fails with [`Error::NotRegistered`], which lists the registered models, on any name that is not registered.
pub fn resolve(name: Option<&str>) -> Result<Rc<Model>> {
    let name = name.map_or_else(guc::model, str::to_owned);
    // SAFETY: reads a variable of this process.
    let statement = unsafe { pg_sys::GetCurrentStatementStartTimestamp() };
    let moment = (statement, guc::model_directory());
    let last = LAST.with_borrow(|last| match last {
        Some((known, model)) if *known == moment && model.name == name => Some(Rc::clone(model)),
        _ => None,
    });
    if let Some(model) = last {
        return Ok(model);
    }
    match registry::find(&name)? {
        Some(model) => {
            LAST.set(Some((moment, Rc::clone(&model))));
            Ok(model)
        }
        None => Err(Error::NotRegistered {
            name,
            registered: registry::names()?,
        }
        .into()),
    }
}

/// To be called when this process has changed the registry.
fn forget() {
    LAST.set(None);
}
