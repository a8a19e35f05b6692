//! The model of a column.

use super::error::Error;
use crate::{
    error::Result,
    model::{self, Model},
};

/// The model of a column, if the name stands for it here, too: on a server that a dump was restored on, it may not.
pub fn of_column(name: &str, sha256: &str) -> Result<Model> {
    let model = model::resolve(Some(name))?;
    let found = &model.manifest.identity;
    if found != sha256 {
        return Err(Error::OtherModel {
            name: name.to_owned(),
            wanted: sha256.to_owned(),
            found: found.clone(),
        }
        .into());
    }
    Ok(model)
}
