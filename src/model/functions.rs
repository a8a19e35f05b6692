//! The registry in SQL.
