//! The state of a backfill, and its steps.
//!
//! A step looks for pending rows of a table, or embeds a batch of those that were found, or ends with the table. Rows that
//! were found are only a hint: others may have dealt with them meanwhile.
//!
//! Invariant: the rows found come after the cursor, and the cursor moves past a batch only once that is dealt with.

use crate::{
    Tid,
    tally::{Counts, Tally},
};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How many rows are looked for at once when a table is begun; twice as many each time, and at most [`LONGEST_LOOK`]. Entries
/// of rows that were dealt with stay in the index of pending rows for as long as a snapshot is older, and each look passes
/// all of them again: the fewer looks a table takes, the less often.
const FIRST_LOOK: usize = 1 << 14;

/// See [`FIRST_LOOK`]. So many are remembered in two megabytes.
const LONGEST_LOOK: usize = 1 << 18;

/// For how long an owner's tables are worked on while another's wait.
const TURN: Duration = Duration::from_secs(10);

/// Why tables are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One was named: until nothing is pending there. An error ends it.
    Named,
    /// All that are in mode queue: each to its end once, because others wait. An error ends a table's turn; owners take turns.
    Queue,
}

/// What a backfill asks of the server.
pub trait Server {
    /// A table that has its own rows, and what is to be embedded there.
    type Table;
    /// Why that failed.
    type Error;

    /// The time.
    fn now(&self) -> Instant;

    /// Up to `limit` pending rows after a cursor, in the order of the table; fewer only at its end.
    fn find(
        &mut self,
        table: &Self::Table,
        after: Tid,
        limit: usize,
    ) -> Result<Vec<Tid>, Self::Error>;

    /// Embeds those of some rows that are pending still.
    fn embed(&mut self, table: &Self::Table, rows: &[Tid]) -> Result<Counts, Self::Error>;

    /// Is told of a table's end.
    fn end(&mut self, table: &Self::Table, end: End) -> Result<(), Self::Error>;
}

/// How a table was gone through to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Up to which row.
    pub cursor: Tid,
    /// Whether from its start, rather than from where it was left before.
    pub from_start: bool,
    /// Whether rows were embedded.
    pub any_embedded: bool,
}

/// A table, and where to begin.
#[derive(Clone, Debug)]
pub struct Job<T> {
    /// The table.
    pub table: T,
    /// Its owner's number, by which turns are taken.
    pub owner: u32,
    /// The row up to which it was visited already.
    pub start: Tid,
    /// Rows that were embedded until then, in this backfill.
    embedded: u64,
}

impl<T> Job<T> {
    /// A table that was visited up to a row.
    pub fn new(table: T, owner: u32, start: Tid) -> Self {
        Self {
            table,
            owner,
            start,
            embedded: 0,
        }
    }
}

/// Where the first job is.
#[derive(Debug)]
struct Position {
    /// The row up to which the table was visited.
    cursor: Tid,
    /// Rows that were found after it and are still to be visited.
    found: VecDeque<Tid>,
    /// How many are looked for next.
    look: usize,
    /// Whether these are the last ones of the table.
    at_end: bool,
    /// Rows embedded since the table was last begun.
    pass: u64,
    /// Rows embedded for the job.
    embedded: u64,
}

impl Position {
    fn of<T>(job: Option<&Job<T>>) -> Self {
        Self {
            cursor: job.map_or(Tid::START, |job| job.start),
            found: VecDeque::new(),
            look: FIRST_LOOK,
            at_end: false,
            pass: 0,
            embedded: job.map_or(0, |job| job.embedded),
        }
    }
}

/// A backfill that is under way.
#[derive(Debug)]
pub struct Backfill<T> {
    /// What is left to do; the first is at hand.
    jobs: VecDeque<Job<T>>,
    scope: Scope,
    batch_size: usize,
    position: Position,
    tally: Tally,
    /// When the turn of the owner at hand began.
    turn: Instant,
}

impl<T> Backfill<T> {
    /// One that begins, with batches of at most `batch_size` rows; `total` rows are pending, if they were counted.
    pub fn new(
        jobs: Vec<Job<T>>,
        scope: Scope,
        batch_size: usize,
        total: Option<u64>,
        now: Instant,
    ) -> Self {
        let jobs = VecDeque::from(jobs);
        Self {
            position: Position::of(jobs.front()),
            jobs,
            scope,
            batch_size: batch_size.max(1),
            tally: Tally::new(total, now),
            turn: now,
        }
    }

    /// The table at hand; none at the end.
    pub fn table(&self) -> Option<&T> {
        self.jobs.front().map(|job| &job.table)
    }

    /// Why tables are gone through.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The rows that were visited.
    pub fn counts(&self) -> Counts {
        self.tally.counts
    }

    /// Rows that were pending at the beginning, if they were counted.
    pub fn total(&self) -> Option<u64> {
        self.tally.total
    }

    /// What there is to tell of it now, now and then.
    pub fn tell(&mut self, now: Instant) -> Option<String> {
        self.tally.tell(now)
    }

    /// Looks for rows, embeds a batch, or ends with the table at hand. Where the server fails, nothing has changed.
    pub fn step<S: Server<Table = T>>(&mut self, server: &mut S) -> Result<(), S::Error> {
        let Some(job) = self.jobs.front_mut() else {
            return Ok(());
        };
        let position = &mut self.position;
        if !position.found.is_empty() {
            let count = self.batch_size.min(position.found.len());
            let batch = &position.found.make_contiguous()[..count];
            let counts = server.embed(&job.table, batch)?;
            position.cursor = batch[count - 1];
            position.found.drain(..count);
            position.pass += counts.embedded;
            position.embedded += counts.embedded;
            self.tally.counts.embedded += counts.embedded;
            self.tally.counts.failed += counts.failed;
        } else if !position.at_end || is_to_begin_again(self.scope, job, position) {
            let after = match position.at_end {
                true => Tid::START,
                false => position.cursor,
            };
            let found = server.find(&job.table, after, position.look)?;
            if position.at_end {
                job.start = Tid::START;
                position.pass = 0;
            }
            position.cursor = after;
            position.at_end = found.len() < position.look;
            position.look = LONGEST_LOOK.min(2 * position.look);
            position.found = found.into();
        } else {
            let end = End {
                cursor: position.cursor,
                from_start: job.start == Tid::START,
                any_embedded: position.embedded > 0,
            };
            server.end(&job.table, end)?;
            self.leave(server.now());
        }
        self.take_turns(server.now());
        Ok(())
    }

    /// Goes on without the table at hand.
    pub fn give_up(&mut self, now: Instant) {
        self.leave(now);
        self.take_turns(now);
    }

    fn leave(&mut self, now: Instant) {
        let left = self.jobs.pop_front();
        let next = self.jobs.front();
        if left.map(|job| job.owner) != next.map(|job| job.owner) {
            self.turn = now;
        }
        self.position = Position::of(next);
    }

    /// Goes on with another owner's tables when the one at hand has had a turn. They will be gone on with where they are.
    fn take_turns(&mut self, now: Instant) {
        let Some(owner) = self.jobs.front().map(|job| job.owner) else {
            return;
        };
        if self.scope != Scope::Queue
            || now.duration_since(self.turn) < TURN
            || self.jobs.iter().all(|job| job.owner == owner)
        {
            return;
        }
        self.jobs[0].start = self.position.cursor;
        self.jobs[0].embedded = self.position.embedded;
        // Stable: an owner's tables stay in their order.
        self.jobs
            .make_contiguous()
            .sort_by_key(|job| job.owner == owner);
        self.turn = now;
        self.position = Position::of(self.jobs.front());
    }
}

/// Whether a table that was visited to its end is visited from its start again.
fn is_to_begin_again<T>(scope: Scope, job: &Job<T>, position: &Position) -> bool {
    match scope {
        // For what others wrote or let go behind our back. In a queue that could be for ever, while other tables wait.
        Scope::Named => position.pass > 0,
        // Nothing came after the row that this went on from. Before it, rows may be in space that others have left.
        Scope::Queue => job.start != Tid::START && position.embedded == job.embedded,
    }
}
