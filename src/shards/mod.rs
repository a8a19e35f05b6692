//! `clip_shard_search`: the rows nearest to a query in all partitions of a table, those on other servers among them.
//!
//! One statement has a branch for each foreign table, with an ORDER BY and a LIMIT of its own. `postgres_fdw` sends both,
//! so that a server reads its own index and no more than `k` rows travel, and runs branches that stand side by side at the
//! same time. A search of the partitioned table itself would have rows come by the hundred, from one server after the other.
//! Partitions that are here are searched by another such statement.
//!
//! All of it is done with the caller's rights on the partitions, and under the caller's search path, by which conditions,
//! policies and views may have names looked up; all names in the statements are qualified.

mod error;

use std::collections::BTreeMap;
use std::ffi::CStr;

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{FromDatum, PgLogLevel, PgSqlErrorCode, pg_sys};

use crate::error as report;
use crate::message;
use crate::role::{As, Setting, With};
use crate::sql;
use crate::subtransaction::{Refused, attempt};
use crate::text::Text;
use crate::vector::{Column, Vector};
use error::{Error, Result};

/// How many rows are read at once.
const BATCH: i64 = 1000;

/// Rows are few: nothing is gained by compiling or by processes beside this one. One plan does for all vectors, and making it
/// takes longer than what is left to do here.
const FEW_ROWS: [Setting; 3] = [
    (c"jit", c"off"),
    (c"max_parallel_workers_per_gather", c"0"),
    (c"plan_cache_mode", c"force_generic_plan"),
];

/// To `postgres_fdw`, LIMIT is a matter of cost, and what it takes to compute a distance, which is done here, too, hides
/// what LIMIT saves. The cost of operators plays no other part in a scan that another server plans by itself.
const WITH_LIMIT: Setting = (c"cpu_operator_cost", c"1e-9");

/// The relation `$1` and all below it that have rows: each with its name in SQL, and the name of its server if it is a
/// foreign table. The order is that of their names, so that of equal distances the same rows come first.
const PARTITIONS: &str = "
WITH RECURSIVE tree (relation) AS (
    SELECT $1 UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree t ON i.inhparent = t.relation)
SELECT c.oid, format('%I.%I', n.nspname, c.relname), s.srvname::text
FROM tree t
JOIN pg_class c ON c.oid = t.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid
LEFT JOIN pg_foreign_server s ON s.oid = f.ftserver
WHERE c.relkind <> 'p'
ORDER BY n.nspname, c.relname";

/// The `k` rows nearest to `query` in all partitions of a table, nearest first: of each row the partition that has it, its
/// `id` as text, and its distance.
///
/// `condition` is SQL over the partitions' columns. With `partial`, servers that cannot be reached are passed over.
#[pg_extern(sql = false)]
#[expect(clippy::too_many_arguments)] // What the SQL function has.
fn clip_shard_search(
    relation: Option<pg_sys::Oid>,
    embedding: Option<&CStr>,
    id: Option<&CStr>,
    query: Option<Vector>,
    k: Option<i32>,
    condition: Option<Text>,
    metric: Option<Text>,
    partial: Option<bool>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(shard, pg_sys::Oid),
            name!(id, Option<Text>),
            name!(distance, f64),
        ),
    >,
    ErrorReport,
> {
    let search = || {
        let relation = relation.ok_or(Error::Missing("relation"))?;
        let embedding = embedding.ok_or(Error::Missing("embedding"))?;
        let id = id.ok_or(Error::Missing("id"))?;
        let k = k.ok_or(Error::Missing("k"))?;
        let metric = metric.ok_or(Error::Missing("metric"))?;
        if k < 1 {
            return Err(Error::K(k));
        }
        let Some(query) = query else {
            return Ok(Vec::new());
        };
        let search = Search {
            column: Column::find(relation, embedding, id)?,
            operator: operator(metric.as_str())?,
            condition,
            query,
            k,
        };
        search.run(&partitions(relation)?, partial.unwrap_or(false))
    };
    Ok(TableIterator::new(search().map_err(report::Error::from)?))
}

/// The operator of a metric.
fn operator(metric: &str) -> Result<&'static str> {
    match metric {
        "cosine" => Ok("<=>"),
        "ip" => Ok("<#>"),
        "l2" => Ok("<->"),
        _ => Err(Error::Metric(metric.to_owned())),
    }
}

/// A relation with rows.
struct Partition {
    oid: pg_sys::Oid,
    /// As SQL names it.
    name: String,
    /// The server of a foreign table.
    server: Option<String>,
}

impl Partition {
    /// The name of its server, empty where it is here.
    fn server(&self) -> &str {
        self.server.as_deref().unwrap_or_default()
    }
}

fn partitions(relation: pg_sys::Oid) -> Result<Vec<Partition>> {
    let _caller = As::caller();
    sql::connect(|client| {
        let mut partitions = Vec::new();
        for row in client.select_kept(PARTITIONS, None, &[relation.into()])? {
            let text = |text: Text| text.as_str().to_owned();
            let name = row.get::<Text>(2)?.map(text);
            if let Some((oid, name)) = row.get(1)?.zip(name) {
                partitions.push(Partition {
                    oid,
                    name,
                    server: row.get::<Text>(3)?.map(text),
                });
            }
        }
        Ok(partitions)
    })
}

/// A row that was found.
type Row = (pg_sys::Oid, Option<Text>, f64);

struct Search {
    column: Column,
    operator: &'static str,
    condition: Option<Text>,
    query: Vector,
    k: i32,
}

impl Search {
    fn run(&self, partitions: &[Partition], partial: bool) -> Result<Vec<Row>> {
        let (foreign, here): (Vec<_>, Vec<_>) = partitions
            .iter()
            .partition(|partition| partition.server.is_some());
        let mut rows = Vec::new();
        if !foreign.is_empty() {
            rows.extend(match partial {
                true => self.of_reachable(foreign)?,
                false => self.of_servers(&foreign)?,
            });
        }
        if !here.is_empty() {
            let _few = With::settings(&FEW_ROWS);
            rows.extend(self.of_all(&here)?);
        }
        // Stable: of equal distances, the partition that comes first in PARTITIONS keeps the first row.
        rows.sort_by(|(.., a), (.., b)| a.total_cmp(b));
        rows.truncate(self.k as usize);
        Ok(rows)
    }

    /// The nearest rows of each of some foreign tables.
    fn of_servers(&self, partitions: &[&Partition]) -> Result<Vec<Row>> {
        let _few = With::settings(&FEW_ROWS);
        let _limit = With::settings(&[WITH_LIMIT]);
        self.of_all(partitions)
    }

    /// The same; where that fails because of the connection to a server, of those whose servers answer.
    fn of_reachable(&self, mut partitions: Vec<&Partition>) -> Result<Vec<Row>> {
        if let Ok(rows) = attempt(is_unreachable, || self.of_servers(&partitions)) {
            return rows;
        }
        let mut missing: BTreeMap<&str, String> = BTreeMap::new();
        let servers: BTreeMap<&str, &Partition> = partitions
            .iter()
            .map(|partition| (partition.server(), *partition))
            .collect();
        for (server, partition) in servers {
            match attempt(is_unreachable, || ask(partition)) {
                Ok(answer) => answer?,
                Err(Refused { message, .. }) => drop(missing.insert(server, message)),
            }
        }
        partitions.retain(|partition| !missing.contains_key(partition.server()));
        if missing.is_empty() {
            // They all answer again: what was wrong is told where it happens again.
            return self.of_servers(&partitions);
        }
        warn(&missing);
        match partitions.is_empty() {
            true => Ok(Vec::new()),
            false => self.of_servers(&partitions),
        }
    }

    /// The nearest rows of each, in no order.
    fn of_all(&self, partitions: &[&Partition]) -> Result<Vec<Row>> {
        let mut found = Vec::new();
        sql::connect(|client| {
            let arguments = [self.query.clone().into()];
            let mut rows = client.open_kept(&self.statement(partitions), &arguments)?;
            // SAFETY: columns of these types, of a row that is there; the text is copied.
            while 0 < rows.each(BATCH, |[number, id, distance]| unsafe {
                let partition = number
                    .and_then(|number| i32::from_datum(number, false))
                    .and_then(|number| partitions.get(number as usize));
                let distance = distance.and_then(|distance| f64::from_datum(distance, false));
                if let Some((partition, distance)) = partition.zip(distance) {
                    let id = id.and_then(|id| Text::from_datum(id, false));
                    found.push((partition.oid, id, distance));
                }
            })? {}
            rows.close();
            Ok(found)
        })
    }

    /// A statement that reads the nearest rows to `$1` of each partition: the partition's number, id and distance. How many is
    /// not left open, for the planner goes by it.
    ///
    /// ONLY, since what inherits from a table stands in the list for itself.
    fn statement(&self, partitions: &[&Partition]) -> String {
        let Column {
            embedding,
            id,
            schema,
            ..
        } = &self.column;
        let distance = format!("t.{embedding} OPERATOR({schema}.{}) $1", self.operator);
        let condition = self.condition.as_ref();
        let condition = condition.map_or(String::new(), |text| {
            format!(" AND (\n{}\n)", text.as_str())
        });
        let branch = |(number, partition): (usize, &&Partition)| {
            format!(
                "(SELECT {number}, t.{id}::pg_catalog.text, {distance} FROM ONLY {} t WHERE t.{embedding} IS NOT NULL{condition} \
                 ORDER BY {distance} LIMIT {})",
                partition.name, self.k
            )
        };
        let branches: Vec<String> = partitions.iter().enumerate().map(branch).collect();
        branches.join(" UNION ALL ")
    }
}

/// Reads a row of a foreign table, if only to see whether its server answers.
fn ask(partition: &Partition) -> sql::Result<()> {
    let statement = format!("SELECT FROM ONLY {} LIMIT 1", partition.name);
    sql::connect(|client| client.select(&statement, Some(1), &[]).map(drop))
}

/// Whether an error says that a server cannot be reached, or is about to stop: SQLSTATE class 08, 57P01, 57P02, 57P03.
fn is_unreachable(code: i32) -> bool {
    const CLASS: i32 = (1 << 12) - 1;
    let class = PgSqlErrorCode::ERRCODE_CONNECTION_EXCEPTION as i32;
    let stopping = [
        PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN,
        PgSqlErrorCode::ERRCODE_CRASH_SHUTDOWN,
        PgSqlErrorCode::ERRCODE_CANNOT_CONNECT_NOW,
    ];
    code & CLASS == class || stopping.iter().any(|&stopping| stopping as i32 == code)
}

/// Says whose rows are missing.
fn warn(missing: &BTreeMap<&str, String>) {
    let code = PgSqlErrorCode::ERRCODE_WARNING;
    for (server, message) in missing {
        let text = format!("rows of server \"{server}\" are missing: it cannot be reached");
        let report = ErrorReport::new(code, text, "").set_detail(message.clone());
        message::tell(PgLogLevel::WARNING, code, &report);
    }
}

extension_sql_file!(
    "../../sql/shards.sql",
    name = "shards",
    requires = ["vector"]
);
