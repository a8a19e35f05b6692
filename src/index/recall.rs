//! `clip_recall`: what share of the nearest rows an index finds.
//!
//! The definition of an index is its owner's, and so is what runs while its table is read: functions in expressions and
//! predicates, policies, the view that is given as `queries`. All of it runs as the owner, in a security-restricted operation.

use std::ffi::CStr;

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::SysCacheIdentifier::RELOID;
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};
use serde_json::Value;

use super::admin::Opened;
use super::error::{Error, Result};
use crate::error::{self, Returned};
use crate::role::{As, Setting};
use crate::sql;
use crate::text::{Text, to_utf8};
use crate::vector::Vector;

/// Settings that leave the planner the index, if it can have it at all.
pub const BY_INDEX: [Setting; 3] = [
    (c"enable_seqscan", c"off"),
    (c"enable_sort", c"off"),
    (c"enable_indexscan", c"on"),
];

/// Settings that keep it from any.
pub const EXACT: [Setting; 3] = [
    (c"enable_seqscan", c"on"),
    (c"enable_sort", c"on"),
    (c"enable_indexscan", c"off"),
];

/// What an index is of, as SQL names it. `$1` is the index.
const DEFINITION: &str = "
SELECT pg_get_indexdef(i.indexrelid, 1, true), format('OPERATOR(%I.%s)', n.nspname, o.oprname), i.indrelid::regclass::text,
       coalesce(' WHERE ' || pg_get_expr(i.indpred, i.indrelid), ''), c.relname::text, p.opcintype::regtype::text
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_opclass p ON p.oid = i.indclass[0]
JOIN pg_amop a ON a.amopfamily = p.opcfamily AND a.amopstrategy = 1
JOIN pg_operator o ON o.oid = a.amopopr
JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE i.indexrelid = $1";

/// The first column of vectors of the relation `$1`, of the type `$2` or that of the index `$3`.
const COLUMN: &str = "
SELECT quote_ident(a.attname), a.attnum, a.attrelid::regclass::text
FROM pg_attribute a
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND clip_pg.base_type(a.atttypid) = ANY (
    SELECT $2 UNION ALL
    SELECT p.opcintype FROM pg_index i JOIN pg_opclass p ON p.oid = i.indclass[0] WHERE i.indexrelid = $3)
ORDER BY a.attnum LIMIT 1";

/// The share of the `nearest` rows that are among the `k` which are found, for a sample of the index's own vectors or of
/// those of `queries`; none where there is nothing to be found. By default `nearest` is `k`.
///
/// These are R1@N,K and R0@K of [`retrieval::recall`].
#[pg_extern(sql = false)]
fn clip_recall(
    index: Option<pg_sys::Oid>,
    k: Option<i32>,
    sample: Option<i32>,
    queries: Option<pg_sys::Oid>,
    nearest: Option<i32>,
) -> Returned<Option<f64>> {
    let recall = || -> Result<Option<f64>> {
        let (Some(index), Some(k @ 1..), Some(sample @ 1..)) = (index, k, sample) else {
            return Err(Error::NotPositive);
        };
        let nearest = nearest.unwrap_or(k);
        if !(1..=k).contains(&nearest) {
            return Err(Error::Nearest { nearest, k });
        }
        let trial = Trial::of(index, k, sample, queries)?;
        let (mut found, mut wanted) = (0, 0);
        for vector in trial.vectors {
            let exact = trial.measured.nearest(&EXACT, vector.clone(), nearest)?;
            let by_index = trial.measured.nearest(&BY_INDEX, vector, k)?;
            found += retrieval::recall::found(&exact, &by_index);
            wanted += exact.len();
        }
        Ok((wanted > 0).then(|| found as f64 / wanted as f64))
    };
    Ok(recall().map_err(error::Error::from)?)
}

/// An index, and what to search it for.
pub struct Trial {
    pub measured: Measured,
    pub vectors: Vec<Text>,
    /// Kept open as long as this.
    pub opened: Opened,
    _queries: Option<Queries>,
}

impl Trial {
    /// Of an index that the user may look into and the planner uses for the `k` nearest, and of a sample of its own vectors
    /// or of those of `queries`, which the user may read.
    pub fn of(
        index: pg_sys::Oid,
        k: i32,
        sample: i32,
        queries: Option<pg_sys::Oid>,
    ) -> Result<Self> {
        // Rights come before locks.
        let permitted = queries.map(|queries| Queries::permitted(queries, index));
        permitted.transpose()?;
        let opened = Opened::open(index)?;
        let queries = queries.map(|queries| Queries::open(queries, index));
        let queries = queries.transpose()?;
        let measured = Measured::of(&opened)?;
        let vectors = match &queries {
            Some(queries) => measured.vectors_of(queries, sample)?,
            None => measured.own_vectors(sample)?,
        };
        if let Some(vector) = vectors.first() {
            measured.check_plan(vector.clone(), k)?;
        }
        Ok(Self {
            measured,
            vectors,
            opened,
            _queries: queries,
        })
    }
}

/// An index in SQL. Statements run as the owner of its table.
pub struct Measured {
    owner: pg_sys::Oid,
    /// Name of the index.
    name: String,
    /// Its vectors: the column `v` of this.
    source: String,
    /// Distances of the `$2` nearest from the vector whose text is `$1`.
    nearest: String,
}

impl Measured {
    fn of(opened: &Opened) -> Result<Self> {
        let owner = opened.owner();
        let index: DatumWithOid = opened.index.oid().into();
        let _owner = As::role(owner, &[]);
        let [expression, operator, table, condition, name, vector] = sql::connect(|client| {
            let row = client.select(DEFINITION, Some(1), &[index])?.first();
            let mut parts = [const { String::new() }; 6];
            for (part, number) in parts.iter_mut().zip(1..) {
                *part = row
                    .get::<Text>(number)?
                    .unwrap_or_default()
                    .as_str()
                    .to_owned();
            }
            Ok::<_, sql::Error>(parts)
        })?;
        Ok(Self {
            owner,
            name,
            source: format!("(SELECT {expression} AS v FROM ONLY {table}{condition})"),
            nearest: format!(
                "SELECT d FROM (SELECT {expression} {operator} $1::{vector} AS d FROM ONLY {table}{condition} \
                 ORDER BY {expression} {operator} $1::{vector} LIMIT $2) n"
            ),
        })
    }

    fn own_vectors(&self, sample: i32) -> Result<Vec<Text>> {
        self.vectors(self.owner, &self.source, "v", sample)
    }

    fn vectors_of(&self, queries: &Queries, sample: i32) -> Result<Vec<Text>> {
        self.vectors(queries.owner, &queries.name, &queries.column, sample)
    }

    /// Texts of a sample of the vectors in a column, read as `reader`.
    fn vectors(
        &self,
        reader: pg_sys::Oid,
        table: &str,
        column: &str,
        sample: i32,
    ) -> Result<Vec<Text>> {
        let statement = format!(
            "SELECT q.{column}::text FROM {table} q WHERE q.{column} IS NOT NULL ORDER BY random() LIMIT $1"
        );
        let _reader = As::role(reader, &[]);
        sql::connect(|client| {
            let rows = client.select(&statement, None, &[sample.into()])?;
            let vectors = rows.filter_map(|row| row.get(1).transpose());
            Ok(vectors.collect::<sql::Result<_>>()?)
        })
    }

    /// The distances of the nearest rows that have one.
    pub fn nearest(&self, settings: &'static [Setting], vector: Text, k: i32) -> Result<Vec<f64>> {
        let _owner = As::role(self.owner, settings);
        sql::connect(|client| {
            let arguments = [vector.into(), k.into()];
            let rows = client.select(&self.nearest, None, &arguments)?;
            let distances = rows.filter_map(|row| row.get(1).transpose());
            let mut distances = distances.collect::<sql::Result<Vec<f64>>>()?;
            distances.retain(|distance| !distance.is_nan());
            Ok(distances)
        })
    }

    /// Fails where the planner takes another way than the index.
    fn check_plan(&self, vector: Text, k: i32) -> Result<()> {
        let plan = {
            let _owner = As::role(self.owner, &BY_INDEX);
            sql::connect(|client| client.plan(&self.nearest, &[vector.into(), k.into()]))
        };
        if plan.is_some_and(|plan| uses(&plan, &self.name)) {
            Ok(())
        } else {
            Err(Error::NotUsed(self.name.clone()))
        }
    }
}

/// Whether an index of this name is in a plan.
fn uses(plan: &Value, name: &str) -> bool {
    match plan {
        Value::Object(node) => {
            node.get("Index Name").and_then(Value::as_str) == Some(name)
                || node.values().any(|part| uses(part, name))
        }
        Value::Array(parts) => parts.iter().any(|part| uses(part, name)),
        _ => false,
    }
}

/// A relation that is given as `queries`, open.
struct Queries {
    owner: pg_sys::Oid,
    name: String,
    column: String,
    _relation: PgRelation,
}

impl Queries {
    fn open(relation: pg_sys::Oid, index: pg_sys::Oid) -> Result<Self> {
        // SAFETY: opens a relation, or raises an error.
        let opened = unsafe { PgRelation::with_lock(relation, pg_sys::AccessShareLock as i32) };
        // While this waited, it may have changed.
        let (name, column) = Self::permitted(relation, index)?;
        Ok(Self {
            // SAFETY: the relation is open.
            owner: unsafe { (*(*opened.as_ptr()).rd_rel).relowner },
            name,
            column,
            _relation: opened,
        })
    }

    /// The name of a relation, which need not be locked, and of its column of vectors, if the user may read that.
    ///
    /// It is read as its owner, so that whatever the owner has put there cannot get hold of the user's rights. That must not
    /// show what the user could not read: of a plain table the owner sees the same rows, without row security; what a view
    /// or a foreign table shows may depend on who looks, and takes the owner's rights.
    fn permitted(relation: pg_sys::Oid, index: pg_sys::Oid) -> Result<(String, String)> {
        let _caller = As::caller();
        let vector = Vector::type_oid();
        let (column, number, name) = sql::connect(|client| {
            let arguments = [relation.into(), vector.into(), index.into()];
            let row = client.select(COLUMN, Some(1), &arguments)?.first();
            if row.is_empty() {
                return Ok((None, None, None));
            }
            Ok::<_, sql::Error>((row.get::<Text>(1)?, row.get::<i16>(2)?, row.get::<Text>(3)?))
        })?;
        let (Some(column), Some(number), Some(name)) = (column, number, name) else {
            return Err(Error::NoQueries(shown(relation)));
        };
        let name = name.as_str().to_owned();
        // SAFETY: looks into the catalogs; the tuple stays as it is until it is released.
        unsafe {
            let user = pg_sys::GetUserId();
            let ok = pg_sys::AclResult::ACLCHECK_OK;
            let select = pg_sys::ACL_SELECT as pg_sys::AclMode;
            if pg_sys::pg_class_aclcheck(relation, user, select) != ok
                && pg_sys::pg_attribute_aclcheck(relation, number, user, select) != ok
            {
                return Err(Error::QueriesDenied(name));
            }
            let tuple = pg_sys::SearchSysCache1(RELOID as i32, relation.into());
            if tuple.is_null() {
                return Err(Error::NoQueries(name));
            }
            let class = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>();
            let (kind, owner) = (class.relkind as u8, class.relowner);
            pg_sys::ReleaseSysCache(tuple);
            let plain = matches!(kind, pg_sys::RELKIND_RELATION | pg_sys::RELKIND_MATVIEW)
                && pg_sys::check_enable_rls(relation, user, true)
                    != pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32;
            if !plain && !pg_sys::has_privs_of_role(user, owner) {
                return Err(Error::QueriesNotOwned(name));
            }
        }
        Ok((name, column.as_str().to_owned()))
    }
}

/// A relation for a message.
fn shown(relation: pg_sys::Oid) -> String {
    // SAFETY: looks into the catalogs; null where there is none.
    let name = unsafe { pg_sys::get_rel_name(relation) };
    if name.is_null() {
        return relation.to_u32().to_string();
    }
    // SAFETY: a C string.
    to_utf8(unsafe { CStr::from_ptr(name) }.to_bytes())
}
