//! Finding pending rows of a table.

use super::{
    listed::{self, Row},
    owner::Owner,
    tid,
};
use crate::{
    ingest::table::Table,
    role::{As, IN_ORDER_OF_INDEX, IN_ORDER_OF_TABLE, KEYS},
    sql::{self, Client},
};
use backfill::Tid;

/// How many rows are looked up in the list at once.
const CHUNK: usize = 1024;

/// Up to `limit` pending rows that come after another, in the order of the table. Those that are listed and not to be tried
/// now are left out.
///
/// What only reads goes through `select`: `update` takes a transaction's number, and queues are looked at all the time.
pub fn find(
    client: &Client<'_, '_>,
    table: &Table,
    after: Tid,
    limit: usize,
) -> sql::Result<Vec<Tid>> {
    // Keys are made for every row, so only where there is something to compare.
    let any_listed = listed::is_any(client, table)?;
    let Table { name, target, .. } = table;
    let pending = table.pending();
    let listing = match any_listed {
        true => format!(", {}::text, t.xmin::text", table.key),
        false => String::new(),
    };
    // In the index of pending rows all keys are equal, so that they are in the order of the table.
    let (order, settings): (_, &[_]) = match is_indexed(client, table)? {
        true => (format!("ORDER BY t.{target} IS NULL"), &IN_ORDER_OF_INDEX),
        false => (String::new(), &IN_ORDER_OF_TABLE),
    };
    let statement = format!(
        "SELECT t.ctid{listing} FROM ONLY {name} t WHERE {pending} AND t.ctid > $1 {order}"
    );
    let mut rows = {
        let _owner = Owner::of(table, settings);
        client.open(&statement, &[tid::item(after).into()])?
    };
    let mut tids = Vec::new();
    while tids.len() < limit {
        let count = CHUNK.min(limit - tids.len());
        let mut found = Vec::new();
        {
            let _owner = Owner::of(table, &KEYS);
            rows.each(count as libc::c_long, |[tid, key, version]| {
                // SAFETY: these are the columns of the statement, and others are null.
                found.push(unsafe { Row::of(tid, key, version) });
            })?;
        }
        let at_end = found.len() < count;
        if any_listed {
            listed::leave_out(client, table, &mut found)?;
        }
        tids.extend(found.into_iter().map(|row| row.tid));
        if at_end {
            break;
        }
    }
    rows.close();
    Ok(tids)
}

/// Whether an index holds the pending rows.
fn is_indexed(client: &Client<'_, '_>, table: &Table) -> sql::Result<bool> {
    let _superuser = As::superuser();
    let indexes = client.select(
        "SELECT FROM clip_pg.pending_indexes($1, $2, $3) p JOIN pg_index i ON i.indexrelid = p WHERE i.indisvalid",
        Some(1),
        &[
            table.relation.into(),
            table.source_name.clone().into(),
            table.target_name.clone().into(),
        ],
    )?;
    Ok(!indexes.is_empty())
}
