//! Which tables there is something to do in.

use crate::{
    error::{self, Returned},
    ingest::{
        error::Error,
        status,
        table::{name, report},
    },
    message,
    role::As,
    sql::{self, Client},
    text::Text,
};
use pgrx::{
    PgLogLevel, PgSqlErrorCode,
    pg_sys::{self, panic::ErrorReport},
};

/// A table that has rows of its own, and a column there that is kept current.
#[derive(Clone)]
pub struct Part {
    /// The table.
    pub table: pg_sys::Oid,
    /// Its owner.
    pub owner: pg_sys::Oid,
    /// The table that was given to `clip_auto_embed`: this one, or what it is a partition of.
    pub root: pg_sys::Oid,
    /// The column of images or texts.
    pub source: Text,
    /// The column of embeddings.
    pub target: Text,
    /// The column of pages.
    pub page: Option<Text>,
    /// The column of regions.
    pub region: Option<Text>,
    /// The model's name.
    pub model: Text,
    /// The model's identity.
    pub sha256: Text,
}

impl Part {
    /// How many rows are pending.
    pub fn count_pending(&self) -> Returned<u64> {
        let count = status::count_pending(self.table, self.source.clone(), self.target.clone())?;
        Ok(count.try_into().unwrap_or_default())
    }
}

/// What all of these statements select. The order of owners is another one each time, so that none is behind the same one for
/// ever.
const PARTS: &str =
    "SELECT p.part, p.owner, p.relation::oid, p.source::text, p.target::text, p.model, p.sha256,
        p.kind = 'f', p.part::regclass::text, p.page::text, p.region::text
    FROM clip_pg.auto_embed_part p, (SELECT (2 ^ 62 * random())::bigint AS draw) d";
const ORDER: &str = "ORDER BY hashoidextended(p.owner, d.draw), p.part::regclass::text, p.target";

/// All of the current user's tables in mode queue.
pub fn in_queue() -> Returned<Vec<Part>> {
    sql::connect(|client| {
        let _caller = As::caller();
        let condition = "p.kind = 'r' AND p.mode = 'queue' AND pg_has_role(p.owner, 'USAGE')";
        let statement = format!("{PARTS} WHERE {condition} {ORDER}");
        let parts = report(read(client, &statement, &[]))?;
        Ok(parts.into_iter().map(|part| part.part).collect())
    })
}

/// A table, or a partition, and its partitions, with all of their columns that are kept current or one of them.
pub fn named(table: pg_sys::Oid, target: Option<&Text>) -> Returned<Vec<Part>> {
    sql::connect(|client| {
        let _caller = As::caller();
        let name = table_name(client, table)?;
        let statement = format!(
            "{PARTS}
             WHERE (p.relation = $1 OR p.relation IN (SELECT a.relid FROM pg_partition_ancestors($1) a))
               AND (p.part = $1 OR $1 IN (SELECT a.relid FROM pg_partition_ancestors(p.part) a))
               AND ($2 IS NULL OR p.target = $2::name)
             {ORDER}"
        );
        let arguments = [table.into(), target.cloned().into()];
        let parts = report(read(client, &statement, &arguments))?;
        if parts.is_empty() {
            return Err(error::Error::from(nothing_kept(client, table, name, target)?).into());
        }
        let (foreign, own): (Vec<Listed>, Vec<Listed>) =
            parts.into_iter().partition(|part| part.is_foreign);
        for part in foreign {
            let message = format!(
                "rows of foreign table {} are passed over",
                part.name.as_str()
            );
            let code = PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED;
            let report = ErrorReport::new(code, message, "")
                .set_hint("Have them embedded by the server that holds them.");
            message::tell(PgLogLevel::WARNING, code, &report);
        }
        Ok(own.into_iter().map(|part| part.part).collect())
    })
}

/// A part, as it is told of.
struct Listed {
    part: Part,
    is_foreign: bool,
    name: Text,
}

fn read(
    client: &Client<'_, '_>,
    statement: &str,
    arguments: &[pgrx::datum::DatumWithOid<'_>],
) -> sql::Result<Vec<Listed>> {
    let parts = client.select(statement, None, arguments)?.map(|row| {
        let oid = |column| -> sql::Result<pg_sys::Oid> {
            Ok(row.get(column)?.unwrap_or(pg_sys::InvalidOid))
        };
        let text = |column| -> sql::Result<Text> { Ok(row.get(column)?.unwrap_or_default()) };
        Ok(Listed {
            part: Part {
                table: oid(1)?,
                owner: oid(2)?,
                root: oid(3)?,
                source: text(4)?,
                target: text(5)?,
                model: text(6)?,
                sha256: text(7)?,
                page: row.get(10)?,
                region: row.get(11)?,
            },
            is_foreign: row.get(8)?.unwrap_or_default(),
            name: text(9)?,
        })
    });
    parts.collect()
}

/// Why a table has nothing that is kept current.
fn nothing_kept(
    client: &Client<'_, '_>,
    table: pg_sys::Oid,
    name: Text,
    target: Option<&Text>,
) -> Returned<Error> {
    let table_name = name.as_str().to_owned();
    let Some(column) = target else {
        return Ok(Error::NothingKept(table_name));
    };
    let found = client.select(
        "SELECT FROM pg_attribute WHERE attrelid = $1 AND attname = $2::name AND attnum > 0 AND NOT attisdropped",
        Some(1),
        &[table.into(), column.clone().into()],
    );
    let column = column.as_str().to_owned();
    Ok(match report(found)?.is_empty() {
        true => Error::NoColumn {
            column,
            table: table_name,
        },
        false => Error::ColumnNotKept {
            column,
            table: table_name,
        },
    })
}

/// The name of a table as a message has it.
fn table_name(client: &Client<'_, '_>, table: pg_sys::Oid) -> Returned<Text> {
    let name: Option<Text> = report(name(client, table))?;
    name.ok_or_else(|| error::Error::from(Error::NoRelation(table.to_u32())).into())
}
