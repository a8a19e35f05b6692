//! What a table holds, read as its owner: whoever asks must not run with their own rights what the owner has put there,
//! in policies or indexes.

use super::table::{Table, report};
use crate::{error::Returned, role::As, sql, text::Text, vector::Vector};
use pgrx::{pg_sys, pg_sys::panic::ErrorReport, prelude::*};

/// How many rows are embedded.
#[pg_extern(sql = false)]
fn count_embedded(relation: pg_sys::Oid, source: Text, target: Text) -> Returned<i64> {
    count(relation, &source, &target, Table::embedded)
}

/// How many rows are pending, those listed among them.
#[pg_extern(sql = false)]
pub fn count_pending(relation: pg_sys::Oid, source: Text, target: Text) -> Returned<i64> {
    count(relation, &source, &target, Table::pending)
}

fn count(
    relation: pg_sys::Oid,
    source: &Text,
    target: &Text,
    condition: fn(&Table) -> String,
) -> Returned<i64> {
    sql::connect(|client| {
        let table = Table::find(client, relation, source, target)?;
        let condition = condition(&table);
        let statement = format!(
            "SELECT count(*) FROM ONLY {} t WHERE {condition}",
            table.name
        );
        let _owner = As::role(table.owner, &[]);
        let counted = client.select(&statement, None, &[]);
        let counted = counted.and_then(|rows| rows.first().get(1));
        Ok(report(counted)?.unwrap_or_default())
    })
}

/// Source and target of one row that has both, and which part of the source is meant, in a table or its partitions.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn sample(
    relation: pg_sys::Oid,
    source: Text,
    target: Text,
    page: Option<Text>,
    region: Option<Text>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(image, Option<Vec<u8>>),
            name!(text, Option<Text>),
            name!(page, Option<i32>),
            name!(region, Option<Text>),
            name!(vector, Option<Vector>),
        ),
    >,
    ErrorReport,
> {
    let row = sql::connect(|client| {
        let table = Table::find(client, relation, &source, &target)?
            .with_parts(page.as_ref(), region.as_ref());
        let statement = format!(
            "SELECT {}, t.{}, {}, {} FROM {} t WHERE {} AND {} LIMIT 1",
            table.content,
            table.target,
            table.page,
            table.region,
            table.name,
            table.sourced(),
            table.embedded()
        );
        let _owner = As::role(table.owner, &[]);
        let rows = report(client.select(&statement, None, &[]))?;
        let Some(row) = rows.into_iter().next() else {
            return Returned::Ok(None);
        };
        let (image, text) = match table.images {
            true => (report(row.get(1))?, None),
            false => (None, report(row.get(1))?),
        };
        let (page, region) = (report(row.get(3))?, report(row.get(4))?);
        Ok(Some((image, text, page, region, report(row.get(2))?)))
    })?;
    Ok(TableIterator::new(row))
}
