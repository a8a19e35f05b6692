//! `clip_duplicates`: near-duplicates of a table by its index.
//!
//! Three passes over the table, all in the caller's snapshot and with the caller's rights: the first one counts the rows
//! of each vector, the second one looks up the neighbours of each, a vector of many rows once, and the third one names the
//! rows of the groups that the crate `duplicates` makes of these. Vectors are told apart by a hash, and only those that
//! have a neighbour stay in memory.

mod error;
mod table;

use std::collections::HashMap;
use std::ffi::CStr;

use duplicates::{Member, Neighbours};
use half::f16;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{FromDatum, check_for_interrupts, pg_sys};
use sha2::{Digest, Sha256};

pub use error::Error;

use crate::error as report;
use crate::role::With;
use crate::sql::{self, Client};
use crate::text::Text;
use crate::vector::{Stored, Vector};
use error::Result;
use table::{BY_INDEX, Table};

/// The widest a group may be without `max_diameter`, in units of `max_distance`.
const DIAMETER: f64 = 2.0;

/// How many rows are read at once.
const BATCH: i64 = 256;

/// How many neighbours are looked up at first. Where all of them are near, four times as many are looked up again.
const FEW: u64 = 8;

/// The most neighbours that are looked up. Who has more is in their midst, and they have this many in turn: what is
/// passed over connects what is connected already.
const MOST: u64 = 128;

/// The groups of near-duplicates in a table: vectors that are connected by cosine distances of at most `max_distance`,
/// none farther than `max_diameter` from another one of its group.
///
/// Of a row: `id` as text, the number of its group, and its distance from the group's middle. Groups have two rows or
/// more; the largest is number 1.
#[pg_extern(sql = false)]
fn clip_duplicates(
    relation: Option<pg_sys::Oid>,
    embedding: Option<&CStr>,
    id: Option<&CStr>,
    max_distance: Option<f64>,
    max_diameter: Option<f64>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(id, Option<Text>),
            name!(duplicate_group, i64),
            name!(distance, f64),
        ),
    >,
    ErrorReport,
> {
    let found = find(relation, embedding, id, max_distance, max_diameter);
    Ok(TableIterator::new(found.map_err(report::Error::from)?))
}

/// A row of the result.
type Row = (Option<Text>, i64, f64);

fn find(
    relation: Option<pg_sys::Oid>,
    embedding: Option<&CStr>,
    id: Option<&CStr>,
    max_distance: Option<f64>,
    max_diameter: Option<f64>,
) -> Result<Vec<Row>> {
    let relation = relation.ok_or(Error::Missing("relation"))?;
    let embedding = embedding.ok_or(Error::Missing("embedding"))?;
    let id = id.ok_or(Error::Missing("id"))?;
    let distance = max_distance.ok_or(Error::Missing("max_distance"))?;
    let diameter = max_diameter.unwrap_or((DIAMETER * distance).min(2.0));
    for (argument, value) in [("max_distance", distance), ("max_diameter", diameter)] {
        if !(0.0..=2.0).contains(&value) {
            return Err(Error::Distance { argument, value });
        }
    }
    if diameter < distance {
        return Err(Error::Diameter { diameter, distance });
    }
    let table = Table::of(relation, embedding, id)?;
    table.check_plan()?;
    sql::connect(|client| {
        let mut search = Search::count(client, &table)?;
        search.look_up(client, &table, distance)?;
        let near = std::mem::take(&mut search.near);
        let groups = near.groups(diameter, &mut || {
            check_for_interrupts!();
        });
        search.rows(client, &table, &groups)
    })
}

/// What is known of a table's vectors.
#[derive(Default)]
struct Search {
    /// By their hash.
    vectors: HashMap<u128, Known>,
    /// How many rows there are.
    rows: u64,
    near: Neighbours,
}

/// A vector.
#[derive(Default)]
struct Known {
    /// How many rows have it.
    rows: u64,
    /// Whether its neighbours were looked up.
    is_done: bool,
    /// Its number, once it may be in a group.
    number: Option<u32>,
}

/// A vector whose neighbours are to be looked up.
struct Query {
    key: u128,
    vector: Vector,
    /// How many rows have it.
    own: u64,
    /// How many are looked up, its own among them.
    limit: u64,
}

impl Search {
    /// Reads a table's vectors. Those without direction have no distance from any other, and are passed over.
    fn count(client: &Client<'_, '_>, table: &Table) -> Result<Self> {
        let mut search = Self::default();
        let mut rows = client.open(&table.rows(), &[])?;
        while 0 < rows.each(BATCH, |[vector]| {
            if let Some(vector) = stored(vector)
                && kernels::norm_squared::<f16>(&vector) > 0.0
            {
                search.vectors.entry(key(&vector)).or_default().rows += 1;
                search.rows += 1;
            }
        })? {}
        rows.close();
        Ok(search)
    }

    /// Finds the pairs of vectors that are near.
    fn look_up(&mut self, client: &Client<'_, '_>, table: &Table, distance: f64) -> Result<()> {
        let nearest = table.nearest();
        let mut rows = client.open(&table.rows(), &[])?;
        loop {
            let mut queries = Vec::new();
            let all = self.rows;
            let fetched = rows.each(BATCH, |[vector]| {
                let Some(vector) = stored(vector) else {
                    return;
                };
                let key = key(&vector);
                if let Some(known) = self.vectors.get_mut(&key)
                    && !std::mem::replace(&mut known.is_done, true)
                {
                    queries.push(Query {
                        key,
                        vector: Vector::from_stored(&vector),
                        own: known.rows,
                        limit: all.min(known.rows + FEW),
                    });
                }
            })?;
            if fetched == 0 {
                rows.close();
                return Ok(());
            }
            for query in queries.iter().filter(|query| query.own > 1) {
                self.number(query.key, &query.vector)?;
            }
            while !queries.is_empty() {
                let mut found = self.answer(&nearest, &queries, distance)?.into_iter();
                queries.retain_mut(|query| {
                    let is_full = found.next() == Some(query.limit);
                    let limit = all.min(query.own + MOST.min(4 * (query.limit - query.own)));
                    is_full && std::mem::replace(&mut query.limit, limit) < limit
                });
            }
        }
    }

    /// Looks up neighbours of `queries`; how many of each are near.
    fn answer(&mut self, nearest: &str, queries: &[Query], distance: f64) -> Result<Vec<u64>> {
        let mut counts = vec![0; queries.len()];
        let mut failure = None;
        let _by_index = With::settings(&BY_INDEX);
        sql::connect(|client| {
            let vectors: Vec<_> = queries.iter().map(|query| query.vector.clone()).collect();
            let limits: Vec<_> = queries.iter().map(|query| query.limit as i64).collect();
            let arguments = [vectors.into(), limits.into(), distance.into()];
            let mut rows = client.open(nearest, &arguments)?;
            let mut take = |[position, vector]: [Option<pg_sys::Datum>; 2]| {
                // A bigint, counted from 1.
                let position = position.map_or(0, |position| position.value());
                let Some((query, vector)) =
                    queries.get(position.wrapping_sub(1)).zip(stored(vector))
                else {
                    return;
                };
                counts[position - 1] += 1;
                if failure.is_none() {
                    failure = self.pair(query, &vector).err();
                }
            };
            while 0 < rows.each(BATCH, &mut take)? {}
            rows.close();
            Ok::<_, sql::Error>(())
        })?;
        failure.map_or(Ok(counts), Err)
    }

    /// Takes down that a vector is near another one.
    fn pair(&mut self, query: &Query, vector: &[f16]) -> Result<()> {
        let key = key(vector);
        // Of a view that depends on more than the snapshot, it may be a new one.
        if key != query.key && self.vectors.contains_key(&key) {
            let a = self.number(query.key, &query.vector)?;
            let b = self.number(key, vector)?;
            self.near.pair(a, b);
        }
        Ok(())
    }

    /// The number of a vector.
    fn number(&mut self, key: u128, vector: &[f16]) -> Result<u32> {
        let known = self.vectors.entry(key).or_default();
        if known.number.is_none() {
            known.number = Some(self.near.add(vector, known.rows)?);
        }
        Ok(known.number.unwrap_or_default())
    }

    /// The rows of groups.
    fn rows(
        &self,
        client: &Client<'_, '_>,
        table: &Table,
        groups: &[Vec<Member>],
    ) -> Result<Vec<Row>> {
        let mut places = HashMap::new();
        for (group, members) in (1..).zip(groups) {
            places.extend(
                members
                    .iter()
                    .map(|member| (member.vector, (group, member.distance))),
            );
        }
        let mut found: Vec<Row> = Vec::new();
        let mut rows = client.open(&table.rows(), &[])?;
        while 0 < rows.each(BATCH, |[vector, id]| {
            let known = stored(vector).and_then(|vector| self.vectors.get(&key(&vector)));
            let place = known.and_then(|known| places.get(&known.number?));
            if let Some(&(group, distance)) = place {
                // SAFETY: a text, which is copied.
                let id = id.and_then(|id| unsafe { Text::from_datum(id, false) });
                found.push((id, group, distance));
            }
        })? {}
        rows.close();
        found.sort_by(
            |(id, group, distance), (other_id, other_group, other_distance)| {
                let text = |id: &Option<Text>| id.as_ref().map(|id| id.as_str().to_owned());
                let groups = group.cmp(other_group);
                let distances = groups.then_with(|| distance.total_cmp(other_distance));
                distances.then_with(|| text(id).cmp(&text(other_id)))
            },
        );
        Ok(found)
    }
}

/// The vector in a column of a row, for as long as that is there.
fn stored<'a>(column: Option<pg_sys::Datum>) -> Option<Stored<'a>> {
    // SAFETY: `Table` has made sure of the type; no caller keeps it longer than its row.
    column.and_then(|column| unsafe { Stored::from_datum(column, false) })
}

/// What tells vectors apart: half of their SHA-256.
fn key(vector: &[f16]) -> u128 {
    let bytes: Vec<u8> = vector.iter().flat_map(|half| half.to_le_bytes()).collect();
    let hash: [u8; 32] = Sha256::digest(&bytes).into();
    let (half, _) = hash.split_at(16);
    half.iter()
        .fold(0, |key, &byte| key << 8 | u128::from(byte))
}

extension_sql_file!(
    "../../sql/duplicates.sql",
    name = "duplicates",
    requires = ["index"]
);
