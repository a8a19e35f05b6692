//! Pending rows of a table, those with a source and without a target: finding them, embedding them, and keeping the list
//! of those that could not be embedded. `sql/backfill.sql` puts this together.
//!
//! A row is named by its place, its ctid, within a few transactions. Rows are locked while they are embedded, so that
//! several sessions share the work: places that were found are only a hint, and what is locked is looked at again.
//!
//! A row that could not be embedded is in `clip_pg.embed_error` by its key and its version, the transaction that wrote
//! it: it is left alone until it changes or its next attempt is due. Invariant: the list is read and changed for a row
//! only while the row is locked.
//!
//! What only reads goes through `select`: `update` takes a transaction's number, and queues are looked at all the time.

use super::{
    Error,
    content::{self, Content},
    table::{Spi, Table, report, texts},
};
use crate::{
    embed::Text,
    error::{self, Returned},
    guc,
    model::Model,
    role::{As, IN_ORDER_OF_INDEX, IN_ORDER_OF_TABLE, KEYS},
    vector::Vector,
};
use pgrx::{datum::DatumWithOid, pg_sys, pg_sys::panic::ErrorReport, prelude::*, spi::SpiClient};
use std::collections::{HashMap, HashSet};

/// Places of up to `size` pending rows that come after the place `after`, in the order of the table.
#[pg_extern(sql = false)]
fn find_pending(
    relation: pg_sys::Oid,
    source: Text,
    target: Text,
    after: Text,
    size: i32,
) -> Returned<Vec<Text>> {
    pgrx::Spi::connect(|client| {
        let table = Table::find(client, relation, &source, &target)?;
        let listed = report(listed(client, &table, None))?;
        let Table { name, key, .. } = &table;
        let (pending, listed): (_, Vec<Text>) = (table.pending(), listed.into_iter().collect());
        // Made for every row, so only where there is something to compare.
        let unlisted = match listed.is_empty() {
            true => String::new(),
            false => format!("AND {key}::text || ' ' || t.xmin::text <> ALL ($3)"),
        };
        // In the index of pending rows all keys are NULL, so that they are in the order of the table.
        let (order, settings): (_, &[_]) = match report(is_indexed(client, &table, source))? {
            true => (format!("ORDER BY t.{}", table.target), &IN_ORDER_OF_INDEX),
            false => (String::new(), &IN_ORDER_OF_TABLE),
        };
        let statement = format!(
            "SELECT t.ctid::text FROM ONLY {name} t WHERE {pending} AND t.ctid > $1::tid {unlisted} {order} LIMIT $2"
        );
        let _owner = As::role(table.owner, KEYS.iter().chain(settings));
        let arguments: [DatumWithOid; 3] = [after.into(), size.into(), listed.into()];
        report(client.select(&statement, None, &arguments).and_then(texts))
    })
}

/// Whether an index holds the pending rows.
fn is_indexed(client: &SpiClient<'_>, table: &Table, source: Text) -> Spi<bool> {
    let _superuser = As::superuser();
    let indexes = client.select(
        "SELECT FROM clip_pg.pending_indexes($1, $2, $3) p JOIN pg_index i ON i.indexrelid = p WHERE i.indisvalid",
        Some(1),
        &[
            table.relation.into(),
            source.into(),
            table.target_name.clone().into(),
        ],
    )?;
    Ok(!indexes.is_empty())
}

/// Embeds the rows at some places that are pending still; returns how many were embedded and how many were listed.
#[pg_extern(sql = false)]
fn embed_rows(
    relation: pg_sys::Oid,
    source: Text,
    target: Text,
    model: Text,
    sha256: Text,
    places: Vec<Text>,
) -> std::result::Result<
    TableIterator<'static, (name!(embedded, i64), name!(failed, i64))>,
    ErrorReport,
> {
    let counts = pgrx::Spi::connect_mut(|client| {
        let table = Table::find(client, relation, &source, &target)?;
        let model = super::model(model.as_str(), sha256.as_str())?;
        let rows = report(lock(client, &table, places))?;
        let (mut embedded, mut vectors, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for rows in rows.chunks(guc::batch_size()) {
            for (row, outcome) in rows.iter().zip(embed(&table, &model, rows)?) {
                match outcome {
                    Ok(vector) => {
                        embedded.push(row.clone());
                        vectors.push(vector);
                    }
                    Err(error) => failed.push((row.clone(), Failure::from(error))),
                }
            }
        }
        let visited = rows.len();
        for row in report(write(client, &table, embedded, vectors))? {
            failed.push((row, error::Error::from(Error::NotKept).into()));
        }
        for (row, failure) in &failed {
            report(list(client, &table, row, failure))?;
        }
        Returned::Ok(((visited - failed.len()) as i64, failed.len() as i64))
    })?;
    Ok(TableIterator::once(counts))
}

/// Lists the row at a place, if it is pending still, for an error of the server's.
#[pg_extern(sql = false)]
fn list_error(
    relation: pg_sys::Oid,
    source: Text,
    target: Text,
    place: Text,
    sqlstate: Text,
    message: Text,
) -> Returned<()> {
    pgrx::Spi::connect_mut(|client| {
        let table = Table::find(client, relation, &source, &target)?;
        let failure = Failure {
            sqlstate,
            message,
            may_pass: true,
        };
        for row in report(lock(client, &table, vec![place]))? {
            report(list(client, &table, &row, &failure))?;
        }
        Ok(())
    })
}

/// Takes rows off the list that are no longer pending, because they were changed or deleted, and tables that are gone.
#[pg_extern(sql = false)]
fn prune_errors(relation: pg_sys::Oid, source: Text, target: Text) -> Returned<()> {
    pgrx::Spi::connect_mut(|client| {
        let table = Table::find(client, relation, &source, &target)?;
        report(prune(client, &table))
    })
}

/// A row that is locked.
#[derive(Clone)]
struct Row {
    place: Text,
    key: Text,
    version: Text,
}

impl Row {
    /// What names this version of the row in the list.
    fn listing(&self) -> Text {
        Text::from(format!("{} {}", self.key.as_str(), self.version.as_str()))
    }
}

/// Why a row could not be embedded.
struct Failure {
    sqlstate: Text,
    message: Text,
    /// Whether it may succeed later.
    may_pass: bool,
}

impl From<error::Error> for Failure {
    fn from(error: error::Error) -> Self {
        let may_pass = error.may_pass();
        let sqlstate = Text::from(error.sqlstate());
        let message = ErrorReport::from(error).message().to_owned();
        Self {
            sqlstate,
            message: Text::from(message),
            may_pass,
        }
    }
}

/// Keys and versions of rows that are listed and not to be tried now: of all, or of those with `keys`.
fn listed(client: &SpiClient<'_>, table: &Table, keys: Option<Vec<Text>>) -> Spi<HashSet<Text>> {
    let _superuser = As::superuser();
    let rows = client.select(
        "SELECT key::text || ' ' || version FROM clip_pg.embed_error
         WHERE relation = $1 AND target = $2::name AND (retry_at IS NULL OR retry_at > now())
           AND ($3 IS NULL OR key = ANY ($3::jsonb[]))",
        None,
        &[
            table.relation.into(),
            table.target_name.clone().into(),
            keys.into(),
        ],
    )?;
    Ok(texts(rows)?.into_iter().collect())
}

/// Locks the rows at some places that are pending and to be tried now.
fn lock(client: &mut SpiClient<'_>, table: &Table, places: Vec<Text>) -> Spi<Vec<Row>> {
    let Table { name, key, .. } = table;
    let pending = table.pending();
    let statement = format!(
        "SELECT t.ctid::text, {key}::text, t.xmin::text FROM ONLY {name} t
         WHERE t.ctid = ANY ($1::tid[]) AND {pending} FOR NO KEY UPDATE OF t SKIP LOCKED"
    );
    let mut rows = {
        let _owner = As::role(table.owner, &KEYS);
        let rows = client.update(&statement, None, &[places.into()])?;
        rows.map(|row| {
            let text = |column| -> Spi<Text> { Ok(row.get(column)?.unwrap_or_default()) };
            Ok(Row {
                place: text(1)?,
                key: text(2)?,
                version: text(3)?,
            })
        })
        .collect::<Spi<Vec<Row>>>()?
    };
    // Another session may have listed a row since it was found.
    let keys = rows.iter().map(|row| row.key.clone()).collect();
    let listed = listed(client, table, Some(keys))?;
    rows.retain(|row| !listed.contains(&row.listing()));
    Ok(rows)
}

/// Reads and embeds rows that are locked. Fails where no row is at fault.
///
/// What is read is freed before the next rows are.
fn embed(table: &Table, model: &Model, rows: &[Row]) -> Returned<Vec<error::Result<Vector>>> {
    let places: Vec<Text> = rows.iter().map(|row| row.place.clone()).collect();
    let Table { name, content, .. } = table;
    let statement =
        format!("SELECT t.ctid::text, {content} FROM ONLY {name} t WHERE t.ctid = ANY ($1::tid[])");
    pgrx::Spi::connect(|client| {
        let read = {
            let _owner = As::role(table.owner, &[]);
            report(client.select(&statement, None, &[places.into()]))?
        };
        let mut contents = HashMap::new();
        for row in read {
            let place: Option<Text> = report(row.get(1))?;
            let content = match table.images {
                true => report(row.get::<&[u8]>(2))?.map(|image| Content::Image(image.to_vec())),
                false => report(row.get::<Text>(2))?.map(Content::Text),
            };
            contents.insert(place, content);
        }
        let contents: Vec<Content> = rows
            .iter()
            .map(|row| {
                let content = contents.remove(&Some(row.place.clone()));
                content.flatten().unwrap_or(Content::Unreadable)
            })
            .collect();
        Ok(content::embed(model, &contents)?)
    })
}

/// Writes the embeddings of rows that are locked; returns the rows whose triggers did not let that happen, in their new
/// versions.
fn write(
    client: &mut SpiClient<'_>,
    table: &Table,
    rows: Vec<Row>,
    vectors: Vec<Vector>,
) -> Spi<Vec<Row>> {
    if rows.is_empty() {
        return Ok(rows);
    }
    let Table { name, target, .. } = table;
    let embedded = table.embedded();
    let statement = format!(
        "UPDATE ONLY {name} t SET {target} = e.vector
         FROM ROWS FROM (unnest($1::tid[]), unnest($2)) e (place, vector) WHERE t.ctid = e.place
         RETURNING e.place::text, {embedded}, t.xmin::text"
    );
    let places: Vec<Text> = rows.iter().map(|row| row.place.clone()).collect();
    // A deferred trigger of the owner's would run at the end of the transaction, with the caller's rights: in a
    // security-restricted operation the server refuses to queue it.
    let _owner = As::role(table.owner, &[]);
    let written = client.update(&statement, None, &[places.into(), vectors.into()])?;
    let rows = rows.into_iter().map(|row| (row.place.clone(), row));
    let mut left: HashMap<Text, Row> = rows.collect();
    for row in written {
        let place: Text = row.get(1)?.unwrap_or_default();
        if row.get(2)? == Some(true) {
            left.remove(&place);
        } else if let Some(left) = left.get_mut(&place) {
            left.version = row.get(3)?.unwrap_or_default();
        }
    }
    Ok(left.into_values().collect())
}

/// Lists a row that is locked. One that may succeed later is tried again after 1, 2, 4, 8 and 16 minutes.
fn list(client: &mut SpiClient<'_>, table: &Table, row: &Row, failure: &Failure) -> Spi<()> {
    let _superuser = As::superuser();
    let arguments: [DatumWithOid; 7] = [
        table.relation.into(),
        table.target_name.clone().into(),
        row.key.clone().into(),
        row.version.clone().into(),
        failure.sqlstate.clone().into(),
        failure.message.clone().into(),
        failure.may_pass.into(),
    ];
    client.update(
        "INSERT INTO clip_pg.embed_error AS e
         VALUES ($1, $2::name, $3::jsonb, $4, $5, $6, 1, now(), CASE WHEN $7 THEN now() + interval '1 minute' END)
         ON CONFLICT (relation, target, key) DO UPDATE SET version = $4, sqlstate = $5, message = $6,
            attempts = CASE WHEN e.version = $4 THEN e.attempts + 1 ELSE 1 END, at = now(),
            retry_at = CASE WHEN NOT $7 THEN NULL WHEN e.version <> $4 THEN now() + interval '1 minute'
                WHEN e.attempts <= 4 THEN now() + interval '1 minute' * 2 ^ e.attempts END",
        None,
        &arguments,
    )?;
    Ok(())
}

fn prune(client: &mut SpiClient<'_>, table: &Table) -> Spi<()> {
    const GONE: &str = "FROM clip_pg.embed_error e
        WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = e.relation)";
    let listed = {
        let _superuser = As::superuser();
        let gone = client.select(&format!("SELECT {GONE}"), Some(1), &[])?;
        if !gone.is_empty() {
            client.update(&format!("DELETE {GONE}"), None, &[])?;
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
        let _owner = As::role(table.owner, &KEYS);
        texts(client.select(&statement, None, &[listed.into()])?)?
    };
    if settled.is_empty() {
        return Ok(());
    }
    let _superuser = As::superuser();
    client.update(
        "DELETE FROM clip_pg.embed_error WHERE relation = $1 AND target = $2::name AND key = ANY ($3::jsonb[])",
        None,
        &[
            table.relation.into(),
            table.target_name.clone().into(),
            settled.into(),
        ],
    )?;
    Ok(())
}
