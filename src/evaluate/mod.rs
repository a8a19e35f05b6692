//! How well labels and scores agree with what people have said: aggregates, and functions of the confusion matrices that
//! one of them makes.
//!
//! What is computed is the crate `evaluate`'s. `sql/evaluate.sql` declares types, aggregates and functions, which are found
//! by the names that `#[pg_extern]` gives them, with `_wrapper` appended.

mod confusion;
mod error;
mod ranking;

pub use error::Error;

pgrx::extension_sql_file!(
    "../../sql/evaluate.sql",
    name = "evaluate",
    requires = ["bootstrap"]
);
