//! The procedures `clip_backfill` and `clip_work_queue`, as far as they are not in `sql/backfill.sql`: that is the loop that
//! commits after each step. A backfill is this session's between the steps, of which there is one at a time.

use super::{driver::Backfill, find, tables};
use crate::{
    error::{self, Returned},
    ingest::{
        error::Error,
        procedure::{check_batch_size, check_commits},
        table::{Table, report},
    },
    sql,
    text::Text,
};
use backfill::{Scope, Tid};
use pgrx::{pg_sys, prelude::*};
use std::cell::RefCell;

thread_local! {
    /// What the procedure that runs is at, while it is between two steps. What an error between them leaves here, the next
    /// call replaces.
    static UNDER_WAY: RefCell<Option<Backfill>> = const { RefCell::new(None) };
}

/// Begins with a table.
#[pg_extern(sql = false)]
fn backfill_begin(
    relation: Option<pg_sys::Oid>,
    target: Option<Text>,
    batch_size: Option<i32>,
    pause: Option<f64>,
) -> Returned<()> {
    let begin = || -> error::Result<(pg_sys::Oid, usize)> {
        let relation = relation.ok_or(Error::Missing("relation"))?;
        // Sleeping takes a negative one for none.
        if !pause.is_some_and(|pause| pause.is_finite() && pause >= 0.0) {
            return Err(Error::Pause(pause).into());
        }
        check_commits("CALL clip_backfill")?;
        Ok((relation, check_batch_size(batch_size)?))
    };
    let (relation, batch_size) = begin()?;
    let parts = tables::named(relation, target.as_ref())?;
    let backfill = Backfill::begin(Scope::Named, parts, batch_size, true, |_| Tid::START)?;
    UNDER_WAY.replace(Some(backfill));
    Ok(())
}

/// Begins with all of the current user's tables in mode queue.
#[pg_extern(sql = false)]
fn queue_begin(batch_size: Option<i32>) -> Returned<()> {
    check_commits("CALL clip_work_queue").map_err(error::Error::from)?;
    let batch_size = check_batch_size(batch_size).map_err(error::Error::from)?;
    let parts = tables::in_queue()?;
    let backfill = Backfill::begin(Scope::Queue, parts, batch_size, true, |_| Tid::START)?;
    UNDER_WAY.replace(Some(backfill));
    Ok(())
}

/// One step, to be committed; or tells what was done, at the end, and returns false.
#[pg_extern(sql = false)]
fn backfill_step() -> Returned<bool> {
    let under_way = UNDER_WAY.take();
    let mut backfill =
        under_way.ok_or_else(|| error::Error::from(Error::NotUnderWay("backfill")))?;
    if backfill.is_at_end() {
        backfill.end();
        return Ok(false);
    }
    backfill.step(None)?;
    UNDER_WAY.replace(Some(backfill));
    Ok(true)
}

/// The ctids of pending rows after another, as a backfill would find them: for whoever wonders about a queue.
#[pg_extern(sql = false)]
fn find_pending(
    relation: pg_sys::Oid,
    source: Text,
    target: Text,
    after: Text,
    size: i32,
) -> Returned<Vec<Text>> {
    let after = after.as_str();
    let invalid = |()| error::Error::from(Error::Tid(after.to_owned()));
    let after = after.parse().map_err(invalid)?;
    sql::connect(|client| {
        let table = Table::find(client, relation, &source, &target)?;
        let limit = usize::try_from(size).unwrap_or_default();
        let found = report(find::find(client, &table, after, limit))?;
        let found = found.into_iter().map(|tid| Text::from(tid.to_string()));
        Ok(found.collect())
    })
}
