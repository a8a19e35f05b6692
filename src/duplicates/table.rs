//! The table that is searched, and what is asked of it.
//!
//! All names in the statements are qualified: they run under the caller's search path, by which policies and views may
//! have theirs looked up.

use std::ffi::CStr;

use pgrx::pg_sys;
use serde_json::Value;

use super::error::{Error, Result};
use crate::role::{Setting, With};
use crate::sql;
use crate::vector::{Column, Vector};

/// Settings that leave the planner the index, if it can have it at all. Neighbours that are found late count, too.
pub const BY_INDEX: [Setting; 6] = [
    (c"enable_seqscan", c"off"),
    (c"enable_sort", c"off"),
    (c"enable_indexscan", c"on"),
    (c"max_parallel_workers_per_gather", c"0"),
    (c"jit", c"off"),
    (c"clip_pg.iterative_order", c"relaxed"),
];

/// A table, a partitioned table or a view.
pub struct Table(Column);

impl Table {
    pub fn of(relation: pg_sys::Oid, embedding: &CStr, id: &CStr) -> Result<Self> {
        Ok(Self(Column::find(relation, embedding, id)?))
    }

    /// A statement that reads the vector of every row, and its id.
    pub fn rows(&self) -> String {
        let Column {
            table,
            embedding,
            id,
            ..
        } = &self.0;
        format!(
            "SELECT t.{embedding}, t.{id}::pg_catalog.text FROM {table} t WHERE t.{embedding} IS NOT NULL"
        )
    }

    /// A statement that looks up neighbours of the vectors `$1`, of each the number of rows in `$2`, its own among them;
    /// returns those within the distance `$3`, and the position of the vector whose neighbour each is.
    pub fn nearest(&self) -> String {
        let Column {
            table,
            embedding,
            schema,
            ..
        } = &self.0;
        let distance = format!("t.{embedding} OPERATOR({schema}.<=>) q.v");
        format!(
            "SELECT q.n, near.v FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) WITH ORDINALITY q (v, many, n), \
             LATERAL (SELECT t.{embedding} AS v, {distance} AS d FROM {table} t WHERE t.{embedding} IS NOT NULL \
             ORDER BY {distance} LIMIT q.many) near WHERE near.d OPERATOR(pg_catalog.<=) $3"
        )
    }

    /// Fails where the planner would not take an index for [`nearest`](Self::nearest).
    pub fn check_plan(&self) -> Result<()> {
        let _by_index = With::settings(&BY_INDEX);
        let (vectors, limits): (Vec<Vector>, Vec<i64>) = Default::default();
        let plan = sql::connect(|client| {
            client.plan(
                &self.nearest(),
                &[vectors.into(), limits.into(), 0.0.into()],
            )
        });
        match plan {
            Some(plan) if !sorts(&plan) => Ok(()),
            _ => Err(Error::NotIndexed {
                column: self.0.embedding.clone(),
                table: self.0.table.clone(),
            }),
        }
    }
}

/// Whether a plan sorts, other than in a subquery of a condition.
fn sorts(plan: &Value) -> bool {
    let text = |node: &serde_json::Map<String, Value>, key| {
        node.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    match plan {
        Value::Object(node) => {
            let is_sort = text(node, "Node Type").ends_with("Sort");
            let is_apart = matches!(
                text(node, "Parent Relationship").as_str(),
                "InitPlan" | "SubPlan"
            );
            !is_apart && (is_sort || node.values().any(sorts))
        }
        Value::Array(parts) => parts.iter().any(sorts),
        _ => false,
    }
}
