//! Pending rows of a table, those with a source and without a target: finding them, embedding them, and keeping the list
//! of those that could not be embedded. `sql/backfill.sql` puts this together.
//!
//! A row is named by its place, its ctid, within a few transactions. Rows are locked while they are embedded, so that
//! several sessions share the work: places that were found are only a hint, and what is locked is looked at again.
//!
//! A row that could not be embedded is in `clip_pg.embed_error` by its key and its version, the transaction that wrote it,
//! for the owner of its table: it is left alone until it changes or its next attempt is due. Invariant: the list is
//! changed for a row only while the row is locked.
//!
//! What only reads goes through `select`: `update` takes a transaction's number, and queues are looked at all the time.

use super::{
    Error,
    content::{self, Content},
    limit::Limit,
    table::{Table, report, texts},
};
use crate::{
    error::{self, Returned},
    guc,
    model::Model,
    role::{As, IN_ORDER_OF_INDEX, IN_ORDER_OF_TABLE, KEYS, Setting},
    sql::{self, Client},
    subtransaction::{Refused, attempt},
    text::{Text, with_counterparts},
    vector::Vector,
};
use pgrx::{
    datum::DatumWithOid, pg_sys, pg_sys::panic::ErrorReport, prelude::*, spi::SpiHeapTupleData,
};
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// Until it is dropped, statements run as a table's owner, and in a worker for a limited time.
struct Owner {
    _limit: Option<Limit>,
    _role: As,
}

thread_local! {
    /// The owner that this process has acted as last.
    static LAST_OWNER: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
}

impl Owner {
    fn of(table: &Table, settings: impl IntoIterator<Item = &'static Setting>) -> Self {
        if LAST_OWNER.replace(table.owner) != table.owner {
            // Of indexes the server keeps expressions with functions in SQL put in, whose names were looked up by the search
            // path of whoever first had a query on the table planned. Those who had their code run before must not have
            // chosen what is called as this owner.
            // SAFETY: what the server does itself wherever it has missed too many changes of the catalogs, as when it opens
            // a table.
            unsafe { pg_sys::InvalidateSystemCaches() };
        }
        Self {
            _limit: Limit::begin(table.relation),
            _role: As::role(table.owner, settings),
        }
    }
}

/// Places of up to `size` pending rows that come after the place `after`, in the order of the table. Those that are listed
/// and not to be tried now are left out.
#[pg_extern(sql = false)]
fn find_pending(
    relation: pg_sys::Oid,
    source: Text,
    target: Text,
    after: Text,
    size: i32,
) -> Returned<Vec<Text>> {
    sql::connect(|client| {
        let table = Table::find(client, relation, &source, &target)?;
        // Keys are made for every row, so only where there is something to compare.
        let any_listed = report(is_any_listed(client, &table))?;
        let is_indexed = report(is_indexed(client, &table, source))?;
        let size = usize::try_from(size).unwrap_or_default();
        report(find(client, &table, after, size, any_listed, is_indexed))
    })
}

fn find(
    client: &Client<'_, '_>,
    table: &Table,
    after: Text,
    size: usize,
    any_listed: bool,
    is_indexed: bool,
) -> sql::Result<Vec<Text>> {
    /// How many rows are looked up in the list at once.
    const CHUNK: usize = 1024;
    let Table { name, target, .. } = table;
    let pending = table.pending();
    let listing = match any_listed {
        true => format!(", {}::text, t.xmin::text", table.key),
        false => String::new(),
    };
    // In the index of pending rows all keys are equal, so that they are in the order of the table.
    let (order, settings): (_, &[_]) = match is_indexed {
        true => (format!("ORDER BY t.{target} IS NULL"), &IN_ORDER_OF_INDEX),
        false => (String::new(), &IN_ORDER_OF_TABLE),
    };
    let statement = format!(
        "SELECT t.ctid::text{listing} FROM ONLY {name} t WHERE {pending} AND t.ctid > $1::tid {order}"
    );
    let mut rows = {
        let _owner = Owner::of(table, settings);
        client.open(&statement, &[after.into()])?
    };
    let mut places = Vec::new();
    while places.len() < size {
        let count = CHUNK.min(size - places.len());
        let mut found = {
            let _owner = Owner::of(table, &KEYS);
            let found = rows.fetch(count as libc::c_long)?;
            found
                .map(|row| Row::read(&row, any_listed))
                .collect::<sql::Result<Vec<_>>>()?
        };
        let at_end = found.len() < count;
        if any_listed {
            leave_listed_out(client, table, &mut found)?;
        }
        places.extend(found.into_iter().map(|row| row.place));
        if at_end {
            break;
        }
    }
    rows.close();
    Ok(places)
}

/// Whether an index holds the pending rows.
fn is_indexed(client: &Client<'_, '_>, table: &Table, source: Text) -> sql::Result<bool> {
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
///
/// What goes wrong with reading or writing rows is the rows' or not, as the SQLSTATE says; what goes wrong with embedding
/// them says itself whose fault it is. What is nobody's of the rows ends it.
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
    let counts = sql::connect(|client| {
        let table = Table::find(client, relation, &source, &target)?;
        let model = super::model(model.as_str(), sha256.as_str())?;
        let rows = report(lock(client, &table, places))?;
        let visited = rows.len();
        let mut failed = Vec::new();
        let embedded = embed(client, &table, &model, &rows, &mut failed)?;
        // A policy's refusal has the SQLSTATE of missing rights, which owners have.
        let refused = PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE as i32;
        let is_of_row = |code| error::is_of_row(code) || table.has_policies && code == refused;
        let left = around_faults(
            &embedded,
            |(row, _)| row,
            is_of_row,
            &mut failed,
            &mut |rows| write(client, &table, rows),
        );
        for row in report(left)? {
            failed.push((row, error::Error::from(Error::NotKept).into()));
        }
        for (row, failure) in &failed {
            report(list(client, &table, row, failure))?;
        }
        Returned::Ok(((visited - failed.len()) as i64, failed.len() as i64))
    })?;
    Ok(TableIterator::once(counts))
}

/// Takes rows off the list that are no longer pending, because they were changed or deleted, and tables that are gone.
#[pg_extern(sql = false)]
fn prune_errors(relation: pg_sys::Oid, source: Text, target: Text) -> Returned<()> {
    sql::connect(|client| {
        let table = Table::find(client, relation, &source, &target)?;
        report(prune(client, &table))
    })
}

/// A row, by where it is; once it is known, by its key and version, too.
#[derive(Clone, Default)]
struct Row {
    place: Text,
    key: Text,
    version: Text,
}

impl Row {
    /// Reads the first columns of a row of a statement's: the place, and the others if they are there.
    fn read(row: &SpiHeapTupleData<'_>, is_named: bool) -> sql::Result<Self> {
        let text = |column| -> sql::Result<Text> { Ok(row.get(column)?.unwrap_or_default()) };
        let place = text(1)?;
        if !is_named {
            return Ok(Self {
                place,
                ..Self::default()
            });
        }
        Ok(Self {
            place,
            key: text(2)?,
            version: text(3)?,
        })
    }

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

/// Does `work` with all of `rows`, or in halves where the server refuses one of them, by an SQLSTATE that `is_of_row`, down
/// to that one, which has failed.
fn around_faults<T, U>(
    rows: &[T],
    row: fn(&T) -> &Row,
    is_of_row: impl Fn(i32) -> bool + Copy,
    failed: &mut Vec<(Row, Failure)>,
    work: &mut impl FnMut(&[T]) -> sql::Result<Vec<U>>,
) -> sql::Result<Vec<U>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    match attempt(is_of_row, || work(rows)) {
        Ok(done) => done,
        Err(refused) if rows.len() == 1 => {
            failed.push((row(&rows[0]).clone(), refused.into()));
            Ok(Vec::new())
        }
        Err(_) => {
            let (first, second) = rows.split_at(rows.len() / 2);
            let mut done = around_faults(first, row, is_of_row, failed, work)?;
            done.extend(around_faults(second, row, is_of_row, failed, work)?);
            Ok(done)
        }
    }
}

/// Whether rows of a table are listed and not to be tried now.
fn is_any_listed(client: &Client<'_, '_>, table: &Table) -> sql::Result<bool> {
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
fn leave_listed_out(
    client: &Client<'_, '_>,
    table: &Table,
    rows: &mut Vec<Row>,
) -> sql::Result<()> {
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

/// Locks the rows at some places that are pending and to be tried now.
fn lock(client: &mut Client<'_, '_>, table: &Table, places: Vec<Text>) -> sql::Result<Vec<Row>> {
    let Table { name, key, .. } = table;
    let pending = table.pending();
    let statement = format!(
        "SELECT t.ctid::text, {key}::text, t.xmin::text FROM ONLY {name} t
         WHERE t.ctid = ANY ($1::tid[]) AND {pending} FOR NO KEY UPDATE OF t SKIP LOCKED"
    );
    let mut rows = {
        let _owner = Owner::of(table, &KEYS);
        let rows = client.update(&statement, &[places.into()])?;
        rows.map(|row| Row::read(&row, true))
            .collect::<sql::Result<Vec<Row>>>()?
    };
    // Another session may have listed a row since it was found.
    leave_listed_out(client, table, &mut rows)?;
    Ok(rows)
}

/// Reads and embeds rows that are locked, as many at a time as a model takes: what is read is freed before the next are.
fn embed(
    client: &Client<'_, '_>,
    table: &Table,
    model: &Model,
    rows: &[Row],
    failed: &mut Vec<(Row, Failure)>,
) -> Returned<Vec<(Row, Vector)>> {
    let (mut embedded, mut faults) = (Vec::new(), Vec::new());
    for rows in rows.chunks(guc::batch_size()) {
        let read = around_faults(rows, |row| row, error::is_of_row, failed, &mut |rows| {
            read(client, table, rows)
        });
        let (rows, contents): (Vec<Row>, Vec<Content>) = report(read)?.into_iter().unzip();
        for (row, outcome) in rows.into_iter().zip(content::embed(model, &contents)?) {
            match outcome {
                Ok(vector) => embedded.push((row, vector)),
                Err(error) => faults.push((row, error)),
            }
        }
    }
    // What the model does with none of them is the model's fault; what it does with others is that of those it fails for.
    if embedded.is_empty()
        && faults.iter().all(|(_, error)| error.is_of_model())
        && let Some((_, error)) = faults.pop()
    {
        return Err(error.into());
    }
    failed.extend(faults.into_iter().map(|(row, error)| (row, error.into())));
    Ok(embedded)
}

/// The contents of rows that are locked.
fn read(client: &Client<'_, '_>, table: &Table, rows: &[Row]) -> sql::Result<Vec<(Row, Content)>> {
    let places: Vec<Text> = rows.iter().map(|row| row.place.clone()).collect();
    let Table { name, content, .. } = table;
    let statement =
        format!("SELECT t.ctid::text, {content} FROM ONLY {name} t WHERE t.ctid = ANY ($1::tid[])");
    let read = {
        let _owner = Owner::of(table, &[]);
        client.select(&statement, None, &[places.into()])?
    };
    let mut contents = HashMap::new();
    for row in read {
        let place: Option<Text> = row.get(1)?;
        let content = match table.images {
            true => row
                .get::<&[u8]>(2)?
                .map(|image| Content::Image(image.to_vec())),
            false => row.get::<Text>(2)?.map(Content::Text),
        };
        contents.insert(place, content);
    }
    let content = |row: &Row| {
        let content = contents.remove(&Some(row.place.clone()));
        content.flatten().unwrap_or(Content::Unreadable)
    };
    Ok(rows.iter().cloned().zip(rows.iter().map(content)).collect())
}

/// Writes the embeddings of rows that are locked; returns the rows whose triggers did not let that happen, in their new
/// versions.
fn write(
    client: &mut Client<'_, '_>,
    table: &Table,
    rows: &[(Row, Vector)],
) -> sql::Result<Vec<Row>> {
    let Table { name, target, .. } = table;
    let embedded = table.embedded();
    let statement = format!(
        "UPDATE ONLY {name} t SET {target} = e.vector
         FROM ROWS FROM (unnest($1::tid[]), unnest($2)) e (place, vector) WHERE t.ctid = e.place
         RETURNING e.place::text, {embedded}, t.xmin::text"
    );
    let (places, vectors): (Vec<Text>, Vec<Vector>) = rows
        .iter()
        .map(|(row, vector)| (row.place.clone(), vector.clone()))
        .unzip();
    // A deferred trigger of the owner's would run at the end of the transaction, with the caller's rights: in a
    // security-restricted operation the server refuses to queue it.
    let _owner = Owner::of(table, &[]);
    let written = client.update(&statement, &[places.into(), vectors.into()])?;
    let rows = rows.iter().map(|(row, _)| (row.place.clone(), row.clone()));
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
fn list(
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
        failure.may_pass.into(),
    ];
    client.update(
        "INSERT INTO clip_pg.embed_error AS e
            (relation, target, hash, owner, key, version, sqlstate, message, attempts, at, retry_at)
         VALUES ($1, $2::name, clip_pg.key_hash($4), $3, $4::jsonb, $5, $6, $7, 1, now(),
            CASE WHEN $8 THEN now() + interval '1 minute' END)
         ON CONFLICT (relation, target, hash) DO UPDATE
         SET owner = $3, key = excluded.key, version = $5, sqlstate = $6, message = $7,
            attempts = CASE WHEN (e.owner, e.version) = ($3, $5) THEN e.attempts + 1 ELSE 1 END, at = now(),
            retry_at = CASE WHEN NOT $8 THEN NULL
                WHEN (e.owner, e.version) <> ($3, $5) THEN now() + interval '1 minute'
                WHEN e.attempts <= 4 THEN now() + interval '1 minute' * 2 ^ e.attempts END",
        &arguments,
    )?;
    Ok(())
}

fn prune(client: &mut Client<'_, '_>, table: &Table) -> sql::Result<()> {
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
