//! The type `clip_vector`: 1 to 16000 finite halves.
//!
//! `value` knows what a vector is, `datum` how PostgreSQL stores one; every other file implements what `sql/vector.sql`
//! declares. That file is written by hand, because macros can declare neither a type nor its operator classes; its
//! functions are found by the names that `#[pg_extern]` gives them, with `_wrapper` appended.

mod aggregate;
mod analyze;
mod arithmetic;
mod cast;
mod column;
mod compare;
mod datum;
mod distance;
mod domain;
mod error;
mod io;
mod single;
mod value;

pub use analyze::{SAMPLE_KIND, distance};
pub use column::Column;
pub use datum::Stored;
pub use distance::prefetch;
pub use domain::base_type;
pub use error::Error;
pub use single::Singles;
pub use value::{Vector, check_dimensions};

use error::Result;

pgrx::extension_sql_file!(
    "../../sql/vector.sql",
    name = "vector",
    requires = ["bootstrap"],
    creates = [Type(Vector)]
);
