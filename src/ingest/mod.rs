//! Keeping a column of embeddings current with the column of images or texts that they are of.
//!
//! The configuration of a table is its trigger and nothing else: the trigger's condition names the two columns, its
//! arguments the model and the mode. PostgreSQL itself then keeps it true when tables and columns are renamed, dropped,
//! partitioned, dumped and restored.
//!
//! A row whose source is given and whose target is NULL is pending. There is no other queue, so none can disagree with
//! the table, grow beside it or need the rights to write to it; in mode queue an index holds the rows that are pending.
//!
//! The rooms, each with the SQL that it is declared in:
//!
//! - [trigger]: the trigger function, which embeds a row as it is written or leaves it pending; `clip_auto_embed`, which makes
//!   triggers, and the views of what is configured are in `sql/ingest.sql`.
//! - [backfill]: embedding what is pending, batch by batch; `sql/backfill.sql`.
//! - [queue]: the server's processes that do so by themselves, if the library is preloaded.
//! - [import]: image files of the server as rows; `sql/import.sql`.
//! - [mixing]: the planner's warning where vectors of two models are compared.
//!
//! What they share: a [table] as SQL names its parts, the [model] of a column, how many rows there are of each [status], how
//! long an owner's code may run ([limit]), what the [procedures](procedure) have in common, and the server's [nodes].

mod backfill;
mod error;
mod import;
mod limit;
mod mixing;
mod model;
mod nodes;
mod procedure;
mod queue;
mod status;
mod table;
mod trigger;

pub use queue::register;

pgrx::extension_sql_file!(
    "../../sql/ingest.sql",
    name = "ingest",
    requires = ["vector", "embed", "models"]
);
