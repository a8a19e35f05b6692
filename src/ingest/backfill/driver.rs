//! A backfill that is under way, and what its steps need of the server.

use super::{embed, find, listed, progress, tables::Part};
use crate::{
    error::{self, Returned, or_raise},
    ingest::{
        error::Error,
        limit::circumstances,
        model,
        table::{Table, name, report},
    },
    message,
    role::{As, Setting, With},
    server, sql,
    subtransaction::{Refused, attempt},
};
use ::backfill::{Counts, Cursors, End, Fault, Job, Scope, Server, SqlState, Tid};
use pgrx::{
    PgLogLevel, PgSqlErrorCode,
    pg_sys::{self, panic::ErrorReport},
};
use std::time::Instant;

/// By table and target, up to where a process came.
pub type Visited = Cursors<(pg_sys::Oid, String)>;

/// For how long a table that is locked is waited for where others wait, unless the session waits for less.
const LOCK_TIMEOUT: Setting = (c"lock_timeout", c"1s");
const LOCK_TIMEOUT_MS: i32 = 1000;

/// A backfill that is under way; it is kept over transactions.
pub struct Backfill {
    state: ::backfill::Backfill<Part>,
    began: pg_sys::TimestampTz,
    /// Whether rows that are no longer pending are taken off the list.
    prunes: bool,
}

impl Backfill {
    /// One that begins with some tables, each after a row.
    pub fn begin(
        scope: Scope,
        parts: Vec<Part>,
        batch_size: usize,
        prunes: bool,
        start: impl Fn(&Part) -> Tid,
    ) -> Returned<Self> {
        if server::in_recovery() {
            return Err(error::Error::from(Error::Recovery).into());
        }
        let total = match scope {
            Scope::Queue => None,
            Scope::Named => {
                let counts = parts.iter().map(Part::count_pending);
                Some(counts.sum::<Returned<u64>>()?)
            }
        };
        let jobs = parts.into_iter().map(|part| {
            let (owner, start) = (part.owner.to_u32(), start(&part));
            Job::new(part, owner, start)
        });
        Ok(Self {
            state: ::backfill::Backfill::new(
                jobs.collect(),
                scope,
                batch_size,
                total,
                Instant::now(),
            ),
            // SAFETY: reads the clock.
            began: unsafe { pg_sys::GetCurrentTimestamp() },
            prunes,
        })
    }

    /// Whether nothing is left to do.
    pub fn is_at_end(&self) -> bool {
        self.state.table().is_none()
    }

    /// One step, to be committed. A worker hands over up to where it came in tables. Returns the table that has held it up,
    /// if one has.
    pub fn step(&mut self, visited: Option<&mut Visited>) -> Returned<Option<pg_sys::Oid>> {
        let mut shell = Shell {
            visited,
            prunes: self.prunes,
        };
        let mut held_up = None;
        match self.state.scope() {
            Scope::Named => self.state.step(&mut shell)?,
            Scope::Queue => {
                // SAFETY: reads a variable of this process.
                let is_short = (1..=LOCK_TIMEOUT_MS).contains(&unsafe { pg_sys::LockTimeout });
                let _timeout = (!is_short).then(|| With::settings(&[LOCK_TIMEOUT]));
                let fault = |code| Fault::of(SqlState(code), circumstances());
                let is_of_table = |code| fault(code) != Fault::User;
                let state = &mut self.state;
                if let Err(refused) = attempt(is_of_table, || or_raise(state.step(&mut shell))) {
                    if fault(refused.code as i32) == Fault::Delay {
                        held_up = state.table().map(|part| part.table);
                    }
                    self.give_up(refused)?;
                }
            }
        }
        self.tell();
        Ok(held_up)
    }

    /// Goes on without a table, which is told, unless it was dropped meanwhile.
    fn give_up(&mut self, refused: Refused) -> Returned<()> {
        let Some(part) = self.state.table() else {
            return Ok(());
        };
        let name = sql::connect(|client| {
            let _caller = As::caller();
            report(name(client, part.table))
        })?;
        if let Some(name) = name {
            let (name, why) = (name.as_str(), refused.message);
            let message = format!("could not embed what is pending in table {name}: {why}");
            let report = ErrorReport::new(refused.code, message, "");
            message::tell(PgLogLevel::WARNING, refused.code, &report);
        }
        self.state.give_up(Instant::now());
        Ok(())
    }

    /// Tells how far it has come.
    fn tell(&mut self) {
        if let (Some(total), Some(part)) = (self.state.total(), self.state.table()) {
            progress::report(part.root, total, self.state.counts(), self.began);
        }
        if let Some(text) = self.state.tell(Instant::now()) {
            message::notice(text);
        }
    }

    /// Tells what was done. Returns how many rows were visited.
    pub fn end(self) -> u64 {
        progress::end();
        let Counts { embedded, failed } = self.state.counts();
        if failed > 0 {
            let message = format!("{failed} row(s) could not be embedded");
            let code = PgSqlErrorCode::ERRCODE_WARNING;
            let report = ErrorReport::new(code, message, "")
                .set_hint("The view clip_embed_errors lists them.");
            message::tell(PgLogLevel::WARNING, code, &report);
        }
        message::notice(format!("embedded {embedded} row(s)"));
        embedded + failed
    }
}

/// The server, as a step needs it.
struct Shell<'a> {
    visited: Option<&'a mut Visited>,
    prunes: bool,
}

impl Server for Shell<'_> {
    type Table = Part;
    type Error = ErrorReport;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn find(&mut self, part: &Part, after: Tid, limit: usize) -> Returned<Vec<Tid>> {
        sql::connect(|client| {
            let table = Table::find(client, part.table, &part.source, &part.target)?;
            report(find::find(client, &table, after, limit))
        })
    }

    fn embed(&mut self, part: &Part, rows: &[Tid]) -> Returned<Counts> {
        sql::connect(|client| {
            let table = Table::find(client, part.table, &part.source, &part.target)?
                .with_parts(part.page.as_ref(), part.region.as_ref());
            let model = model::of_column(part.model.as_str(), part.sha256.as_str())?;
            embed::embed(client, &table, &model, rows)
        })
    }

    fn end(&mut self, part: &Part, end: End) -> Returned<()> {
        sql::connect(|client| {
            if self.prunes {
                let table = Table::find(client, part.table, &part.source, &part.target)?;
                report(listed::prune(client, &table))?;
            }
            if end.any_embedded {
                let _caller = As::caller();
                let notify = "SELECT pg_notify('clip_pg', $1::regclass::text)";
                report(client.update(notify, &[part.root.into()]))?;
            }
            Returned::Ok(())
        })?;
        if let Some(visited) = &mut self.visited {
            let key = (part.table, part.target.as_str().to_owned());
            visited.keep(key, end.cursor, end.from_start, Instant::now());
        }
        Ok(())
    }
}
