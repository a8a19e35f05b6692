//! The list of rows that could not be embedded, `clip_pg.embed_error`.
//!
//! A row is in it by its key and its version, the transaction that wrote it, for the owner of its table: it is left alone
//! until it changes or its next attempt is due. Invariant: the list is changed for a row only while the row is locked.

use super::{owner::Owner, tid};
use crate::{
    error,
    ingest::table::{Table, texts},
    role::{As, KEYS},
    sql::{self, Client},
    subtransaction::Refused,
    text::{Text, with_counterparts},
};
use backfill::{Tid, retries};
use pgrx::{
    datum::{DatumWithOid, FromDatum},
    pg_sys::Datum,
    spi::SpiHeapTupleData,
};
use std::collections::HashSet;

/// A row, by where it is; once it is known, by its key and version, too.
#[derive(Clone)]
pub struct Row {
    pub tid: Tid,
    key: Text,
    /// The transaction that wrote it.
    pub version: Text,
}

impl Row {
    /// Reads the first columns of a row of a statement's, `ctid` and the others.
    pub fn read(row: &SpiHeapTupleData<'_>) -> sql::Result<Self> {
        Ok(Self {
            tid: tid::read(row)?,
            key: row.get(2)?.unwrap_or_default(),
            version: row.get(3)?.unwrap_or_default(),
        })
    }

    /// Of columns that were read, null where it is not known.
    ///
    /// # Safety
    /// They are a `tid` and two texts, or null.
    pub unsafe fn of(tid: Option<Datum>, key: Option<Datum>, version: Option<Datum>) -> Self {
        /// # Safety
        /// The value is one of the type.
        unsafe fn read<T: FromDatum>(value: Option<Datum>) -> Option<T> {
            // SAFETY: the caller vouches for the type.
            value.and_then(|value| unsafe { T::from_datum(value, false) })
        }
        // SAFETY: the caller vouches for the types.
        unsafe {
            Self {
                tid: read(tid).map_or(Tid::START, tid::of),
                key: read(key).unwrap_or_default(),
                version: read(version).unwrap_or_default(),
            }
        }
    }

    /// What names this version of the row in the list.
    fn listing(&self) -> Text {
        Text::from(format!("{} {}", self.key.as_str(), self.version.as_str()))
    }
}

/// Why a row could not be embedded.
pub struct Failure {
    sqlstate: Text,
    message: Text,
    /// Whether it may succeed later.
    may_pass: bool,
}

impl From<error::Error> for Failure {
    fn from(error: error::Error) -> Self {
        let may_pass = error.may_pass();
        Self {
            sqlstate: Text::from(error.sqlstate()),
            message: Text::from(with_counterparts(error.report().message().to_owned())),
            may_pass,
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self {
            sqlstate: Text::from(error::sqlstate(refused.code)),
            message: Text::from(with_counterparts(refused.message)),
            may_pass: true,
        }
    }
}

/// Whether rows of a table are listed and not to be tried now.
pub fn is_any(client: &Client<'_, '_>, table: &Table) -> sql::Result<bool> {
    let _superuser = As::superuser();
    let rows = client.select(
        "SELECT FROM clip_pg.embed_error
         WHERE relation = $1 AND target = $2::name AND owner = $3 AND (retry_at IS NULL OR retry_at > now())",
        Some(1),
        &[
            table.relation.into(),
            table.target_name.clone().into(),
            table.owner.into(),
        ],
    )?;
    Ok(!rows.is_empty())
}

/// Leaves out rows that are listed and not to be tried now.
pub fn leave_out(client: &Client<'_, '_>, table: &Table, rows: &mut Vec<Row>) -> sql::Result<()> {
    let keys: Vec<Text> = rows.iter().map(|row| row.key.clone()).collect();
    let listed = {
        let _superuser = As::superuser();
        client.select(
            "SELECT key::text || ' ' || version FROM clip_pg.embed_error
             WHERE relation = $1 AND target = $2::name AND owner = $3 AND (retry_at IS NULL OR retry_at > now())
               AND hash = ANY (ARRAY(SELECT clip_pg.key_hash(k) FROM unnest($4) k))",
            None,
            &[
                table.relation.into(),
                table.target_name.clone().into(),
                table.owner.into(),
                keys.into(),
            ],
        )?
    };
    let listed: HashSet<Text> = texts(listed)?.into_iter().collect();
    rows.retain(|row| !listed.contains(&row.listing()));
    Ok(())
}

/// Lists a row that is locked, and when it is tried again.
pub fn add(
    client: &mut Client<'_, '_>,
    table: &Table,
    row: &Row,
    failure: &Failure,
) -> sql::Result<()> {
    let _superuser = As::superuser();
    let arguments: [DatumWithOid; 8] = [
        table.relation.into(),
        table.target_name.clone().into(),
        table.owner.into(),
        row.key.clone().into(),
        row.version.clone().into(),
        failure.sqlstate.clone().into(),
        failure.message.clone().into(),
        retries(failure.may_pass).to_vec().into(),
    ];
    client.update(
        "INSERT INTO clip_pg.embed_error AS e
            (relation, target, hash, owner, key, version, sqlstate, message, attempts, at, retry_at)
         VALUES ($1, $2::name, clip_pg.key_hash($4), $3, $4::jsonb, $5, $6, $7, 1, now(), now() + make_interval(mins => $8[1]))
         ON CONFLICT (relation, target, hash) DO UPDATE
         SET (owner, key, version, sqlstate, message, at) = ($3, excluded.key, $5, $6, $7, now()),
            (attempts, retry_at) = (SELECT n, now() + make_interval(mins => $8[n])
                FROM (VALUES (CASE WHEN (e.owner, e.version) = ($3, $5) THEN e.attempts + 1 ELSE 1 END)) a (n))",
        &arguments,
    )?;
    Ok(())
}

/// Takes rows off the list that are no longer pending, because they were changed or deleted, and tables that are gone.
pub fn prune(client: &mut Client<'_, '_>, table: &Table) -> sql::Result<()> {
    const GONE: &str = "FROM clip_pg.embed_error e
        WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = e.relation AND c.relowner = e.owner)";
    let listed = {
        let _superuser = As::superuser();
        let gone = client.select(&format!("SELECT {GONE}"), Some(1), &[])?;
        if !gone.is_empty() {
            client.update(&format!("DELETE {GONE}"), &[])?;
        }
        let rows = client.select(
            "SELECT key::text FROM clip_pg.embed_error WHERE relation = $1 AND target = $2::name",
            None,
            &[table.relation.into(), table.target_name.clone().into()],
        )?;
        texts(rows)?
    };
    if listed.is_empty() {
        return Ok(());
    }
    let Table { name, key, .. } = table;
    let pending = table.pending();
    let statement = format!(
        "SELECT k FROM unnest($1) k WHERE NOT EXISTS
         (SELECT FROM ONLY {name} t WHERE {pending} AND {key}::text = k)"
    );
    let settled = {
        let _owner = Owner::of(table, &KEYS);
        texts(client.select(&statement, None, &[listed.into()])?)?
    };
    if settled.is_empty() {
        return Ok(());
    }
    let _superuser = As::superuser();
    client.update(
        "DELETE FROM clip_pg.embed_error WHERE relation = $1 AND target = $2::name
             AND hash = ANY (ARRAY(SELECT clip_pg.key_hash(k) FROM unnest($3) k))",
        &[
            table.relation.into(),
            table.target_name.clone().into(),
            settled.into(),
        ],
    )?;
    Ok(())
}
