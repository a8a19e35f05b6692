//! The model registry: files, not a table.
//!
//! A registered model is one file, `NAME.json` in `clip_pg.model_directory`. Nothing here reads a table, so embedding
//! works in generated columns and expression indexes while a dump is restored, in any order, and on a standby.

mod error;
mod functions;
mod registry;

pub use error::Error;

use crate::{error::Result, guc};
use clip::manifest::Manifest;
use std::{ffi::CStr, path::PathBuf, rc::Rc};

/// Name of the model that is installed with the extension.
pub const BUILT_IN: &CStr = c"clip-mini";

/// A registered model.
pub struct Model {
    /// Name it is registered under.
    pub name: String,
    /// Where its files are, absolute.
    pub directory: PathBuf,
    /// What its files are, and how they are used.
    pub manifest: Manifest,
}

/// The model registered as `name`, or without a name the one that `clip_pg.model` names.
///
/// Costs one `stat` if this process has met the model before. Fails with [`Error::NotRegistered`], which lists the
/// registered models, on any name that is not registered.
pub fn resolve(name: Option<&str>) -> Result<Rc<Model>> {
    let name = name.map_or_else(guc::model, str::to_owned);
    match registry::find(&name)? {
        Some(model) => Ok(model),
        None => Err(Error::NotRegistered {
            name,
            registered: registry::names()?,
        }
        .into()),
    }
}
