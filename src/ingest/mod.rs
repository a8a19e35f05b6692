//! Keeping a column of embeddings current with the column of images or texts that they are of.
//!
//! The configuration of a table is its trigger and nothing else: the trigger's condition names the two columns, its
//! arguments the model and the mode. PostgreSQL itself then keeps it true when tables and columns are renamed, dropped,
//! partitioned, dumped and restored.
//!
//! A row whose source is given and whose target is NULL is pending. There is no other queue, so none can disagree with
//! the table, grow beside it or need the rights to write to it; in mode queue an index holds the rows that are pending.
//!
//! `sql/ingest.sql` has the configuration, `sql/backfill.sql` embeds what is [pending]. Whoever drives that commits batch
//! by batch: the procedures `clip_backfill` and `clip_work_queue`, or a [worker] that the [launcher] starts where a
//! [queue] has something, if the library is preloaded.

mod commits;
mod content;
mod cycle;
mod error;
mod files;
mod launcher;
mod limit;
mod mark;
mod mixing;
mod pending;
mod place;
mod progress;
mod queue;
mod status;
mod table;
mod trigger;
mod value;
mod worker;

pub use error::Error;
pub use launcher::register;

use crate::{
    error::Result,
    model::{self, Model},
};

/// The model of a column, if the name stands for it here, too: on a server that a dump was restored on, it may not.
fn model(name: &str, sha256: &str) -> Result<Model> {
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

pgrx::extension_sql_file!(
    "../../sql/ingest.sql",
    name = "ingest",
    requires = ["vector", "embed", "models"]
);

pgrx::extension_sql_file!(
    "../../sql/backfill.sql",
    name = "backfill",
    requires = ["ingest"]
);

pgrx::extension_sql_file!(
    "../../sql/import.sql",
    name = "import",
    requires = ["backfill", "embed", files::clip_image_taken]
);
