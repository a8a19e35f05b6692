//! Zero-shot classification in SQL.
