//! The table that is searched, and what is asked of it.
//!
//! All names in the statements are qualified: they run under the caller's search path, by which policies and views may
//! have theirs looked up.

use std::ffi::CStr;

use pgrx::{IntoDatum, pg_sys};
use serde_json::Value;

use super::error::{Error, Result};
use crate::role::{As, Setting, With};
use crate::sql;
use crate::text::{Text, to_utf8};
use crate::vector::Vector;

/// Settings that leave the planner the index, if it can have it at all. Neighbours that are found late count, too.
pub const BY_INDEX: [Setting; 6] = [
    (c"enable_seqscan", c"off"),
    (c"enable_sort", c"off"),
    (c"enable_indexscan", c"on"),
    (c"max_parallel_workers_per_gather", c"0"),
    (c"jit", c"off"),
    (c"clip_pg.iterative_order", c"relaxed"),
];

/// The relation `$1` and its columns `$2` and `$3`, as SQL names them, whether `$2` is of the type `$4`, its type, and
/// the schema of the extension.
const DEFINITION: &str = "
SELECT format('%I.%I', n.nspname, c.relname), quote_ident(e.attname), quote_ident(i.attname),
       clip_pg.base_type(e.atttypid) = $4, format_type(e.atttypid, e.atttypmod), quote_ident(s.nspname)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_extension x ON x.extname = 'clip_pg'
JOIN pg_namespace s ON s.oid = x.extnamespace
LEFT JOIN pg_attribute e ON e.attrelid = c.oid AND e.attname = $2 AND e.attnum > 0 AND NOT e.attisdropped
LEFT JOIN pg_attribute i ON i.attrelid = c.oid AND i.attname = $3 AND NOT i.attisdropped
WHERE c.oid = $1";

/// A table, a partitioned table or a view.
pub struct Table {
    name: String,
    embedding: String,
    id: String,
    /// Where the operators are.
    schema: String,
}

impl Table {
    pub fn of(relation: pg_sys::Oid, embedding: &CStr, id: &CStr) -> Result<Self> {
        let given = [embedding, id].map(|name| to_utf8(name.to_bytes()));
        let (texts, is_vector) = {
            let _caller = As::caller();
            sql::connect(|client| {
                let [embedding, id] = given.clone().map(Text::from);
                let arguments = [
                    relation.into(),
                    embedding.into(),
                    id.into(),
                    Vector::type_oid().into(),
                ];
                let row = client.select(DEFINITION, Some(1), &arguments)?.first();
                if row.is_empty() {
                    return Ok((None, None));
                }
                let text = |number| row.get::<Text>(number);
                let texts = [text(1)?, text(2)?, text(3)?, text(5)?, text(6)?];
                Ok::<_, sql::Error>((Some(texts), row.get::<bool>(4)?))
            })?
        };
        let [Some(name), embedding, id, kind, Some(schema)] = texts.unwrap_or_default() else {
            return Err(Error::NoTable(relation.to_u32()));
        };
        let [name, schema] = [name, schema].map(|text| text.as_str().to_owned());
        let missing = |column: &String| Error::NoColumn {
            column: column.clone(),
            table: name.clone(),
        };
        let embedding = embedding.ok_or_else(|| missing(&given[0]))?;
        let id = id.ok_or_else(|| missing(&given[1]))?;
        if is_vector != Some(true) {
            let [column, _] = given;
            let kind = kind.map_or_else(String::new, |kind| kind.as_str().to_owned());
            return Err(Error::NotVectors {
                column,
                table: name,
                kind,
            });
        }
        let [embedding, id] = [embedding, id].map(|text| text.as_str().to_owned());
        Ok(Self {
            name,
            embedding,
            id,
            schema,
        })
    }

    /// A statement that reads the vector of every row, and its id.
    pub fn rows(&self) -> String {
        let Self {
            name,
            embedding,
            id,
            ..
        } = self;
        format!(
            "SELECT t.{embedding}, t.{id}::pg_catalog.text FROM {name} t WHERE t.{embedding} IS NOT NULL"
        )
    }

    /// A statement that looks up neighbours of the vectors `$1`, of each the number of rows in `$2`, its own among them;
    /// returns those within the distance `$3`, and the position of the vector whose neighbour each is.
    pub fn nearest(&self) -> String {
        let Self {
            name,
            embedding,
            schema,
            ..
        } = self;
        let distance = format!("t.{embedding} OPERATOR({schema}.<=>) q.v");
        format!(
            "SELECT q.n, near.v FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) WITH ORDINALITY q (v, many, n), \
             LATERAL (SELECT t.{embedding} AS v, {distance} AS d FROM {name} t WHERE t.{embedding} IS NOT NULL \
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
                column: self.embedding.clone(),
                table: self.name.clone(),
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
