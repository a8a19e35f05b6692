//! Keeping a column of embeddings current with the column of images or texts that they are of.
//!
//! The configuration of a table is its trigger and nothing else: the trigger's condition names the two columns, its
//! arguments the model and the mode. PostgreSQL itself then keeps it true when tables and columns are renamed, dropped,
//! partitioned, dumped and restored.
//!
//! A row whose source is given and whose target is NULL is pending. There is no other queue, so none can disagree with
//! the table.

mod error;
mod pending;
mod role;
mod trigger;

pub use error::Error;

pgrx::extension_sql_file!(
    "../../sql/ingest.sql",
    name = "ingest",
    requires = ["vector", "embed", "models"]
);
