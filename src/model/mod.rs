//! The model registry: files, not a table.
//!
//! A registered model is one file, `NAME.json` in `clip_pg.model_directory`. Nothing here reads a table, so embedding
//! works in generated columns and expression indexes while a dump is restored, in any order, and on a standby.

mod error;
mod locator;
pub mod registry;

pub use error::Error;
pub use locator::{Identity, Locator};
pub use registry::{find, open};

use crate::{error::Result, guc};
use clip::manifest::Manifest;
use pgrx::pg_sys;
use std::{cell::RefCell, ops::Deref, path::PathBuf, sync::Arc};

/// A registered model: a handle, which costs little to copy and may go to another thread. Another process is given its
/// [`Locator`].
#[derive(Clone)]
pub struct Model(Arc<Registered>);

/// What a [`Model`] stands for.
pub struct Registered {
    /// Name it is registered under.
    pub name: String,
    /// Where its files are, absolute.
    pub directory: PathBuf,
    /// What its files are, and how they are used.
    pub manifest: Manifest,
    /// Stands for it in another process; none where its path is too long.
    pub locator: Option<Locator>,
}

impl Deref for Model {
    type Target = Registered;

    fn deref(&self) -> &Registered {
        &self.0
    }
}

impl Model {
    /// Whether both are copies of one handle, not just equal.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Registered> for Model {
    fn from(registered: Registered) -> Self {
        Self(Arc::new(registered))
    }
}

thread_local! {
    /// What was resolved last, in which statement and from which directory.
    static LAST: RefCell<Option<(Moment, Model)>> = const { RefCell::new(None) };
}

/// When the current statement began, and where it looks for models.
type Moment = (i64, PathBuf);

/// The model registered as `name`, or without a name the one that `clip_pg.model` names.
///
/// Costs one `stat` per statement if this process has met the model before: a function may be called for every row of a
/// table. Fails with [`Error::NotRegistered`], which lists the registered models, on any name that is not registered.
pub fn resolve(name: Option<&str>) -> Result<Model> {
    let name = name.map_or_else(guc::model, str::to_owned);
    // SAFETY: reads a variable of this process.
    let statement = unsafe { pg_sys::GetCurrentStatementStartTimestamp() };
    let moment = (statement, guc::model_directory());
    let last = LAST.with_borrow(|last| match last {
        Some((known, model)) if *known == moment && model.name == name => Some(model.clone()),
        _ => None,
    });
    if let Some(model) = last {
        return Ok(model);
    }
    match registry::find(&name)? {
        Some(model) => {
            LAST.set(Some((moment, model.clone())));
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
pub fn forget() {
    LAST.set(None);
}
