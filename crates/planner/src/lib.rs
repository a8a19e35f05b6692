//! What a query planner asks about an index before there is a scan: how many rows a condition leaves, and what they cost.
//!
//! The crate knows nothing of PostgreSQL: it takes numbers, which the access method has from the server's catalogs and
//! settings, and gives numbers.
//!
//! | module | what it owns |
//! |---|---|
//! | [`selectivity`] | the share of vectors within a distance, told from a few of them |
//! | [`cost`] | the cost of a scan, as a line from its first row to its last |

pub mod cost;
pub mod selectivity;
