//! Backfills of tables that are a few numbers in memory.

use crate::*;
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// Rows of tables by where they are: whether each can be embedded.
struct Tables {
    now: Instant,
    pending: BTreeMap<u32, BTreeMap<Tid, bool>>,
    listed: BTreeSet<(u32, Tid)>,
    embedded: Vec<(u32, Tid)>,
    ended: Vec<(u32, End)>,
    batches: Vec<usize>,
    looks: Vec<usize>,
    /// Rows that somebody writes as a batch of a table is embedded.
    written: Vec<(u32, Tid)>,
    /// How many questions are answered before one fails.
    answers: Option<usize>,
}

impl Tables {
    fn of(rows: impl IntoIterator<Item = (u32, Tid, bool)>) -> Self {
        let mut tables = Self {
            now: Instant::now(),
            pending: BTreeMap::new(),
            listed: BTreeSet::new(),
            embedded: Vec::new(),
            ended: Vec::new(),
            batches: Vec::new(),
            looks: Vec::new(),
            written: Vec::new(),
            answers: None,
        };
        for (table, row, good) in rows {
            tables.pending.entry(table).or_default().insert(row, good);
        }
        tables
    }

    fn answer(&mut self) -> Result<(), ()> {
        match &mut self.answers {
            Some(0) => Err(()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Server for Tables {
    type Table = u32;
    type Error = ();

    fn now(&self) -> Instant {
        self.now
    }

    fn find(&mut self, table: &u32, after: Tid, limit: usize) -> Result<Vec<Tid>, ()> {
        self.answer()?;
        self.looks.push(limit);
        let rows = self.pending.entry(*table).or_default().keys();
        let rows = rows.filter(|&&row| row > after && !self.listed.contains(&(*table, row)));
        Ok(rows.take(limit).copied().collect())
    }

    fn embed(&mut self, table: &u32, rows: &[Tid]) -> Result<Counts, ()> {
        self.answer()?;
        self.batches.push(rows.len());
        let mut counts = Counts::default();
        for &row in rows {
            match self.pending.entry(*table).or_default().get(&row) {
                Some(true) => {
                    self.pending.entry(*table).or_default().remove(&row);
                    self.embedded.push((*table, row));
                    counts.embedded += 1;
                }
                Some(false) => {
                    self.listed.insert((*table, row));
                    counts.failed += 1;
                }
                None => {}
            }
        }
        for (table, row) in std::mem::take(&mut self.written) {
            self.pending.entry(table).or_default().insert(row, true);
        }
        Ok(counts)
    }

    fn end(&mut self, table: &u32, end: End) -> Result<(), ()> {
        self.answer()?;
        self.ended.push((*table, end));
        Ok(())
    }
}

fn row(n: u32) -> Tid {
    Tid {
        block: n / 100,
        offset: (n % 100 + 1) as u16,
    }
}

fn jobs(tables: &[(u32, u32)]) -> Vec<Job<u32>> {
    let jobs = tables.iter();
    jobs.map(|&(table, owner)| Job::new(table, owner, Tid::START))
        .collect()
}

fn run(backfill: &mut Backfill<u32>, tables: &mut Tables) {
    while backfill.table().is_some() {
        backfill.step(tables).unwrap();
    }
}

#[test]
fn a_table_is_embedded_in_batches() {
    let mut tables = Tables::of((0..10).map(|n| (1, row(n), n != 3)));
    let now = Instant::now();
    let mut backfill = Backfill::new(jobs(&[(1, 10)]), Scope::Named, 4, Some(10), now);
    run(&mut backfill, &mut tables);
    assert_eq!(
        backfill.counts(),
        Counts {
            embedded: 9,
            failed: 1
        }
    );
    assert_eq!(tables.batches, [4, 4, 2]);
    let end = End {
        cursor: Tid::START,
        from_start: true,
        any_embedded: true,
    };
    assert_eq!(tables.ended, [(1, end)]);
}

#[test]
fn more_is_looked_for_each_time_until_a_table_is_left() {
    let rows = (0..120_000).map(|n| (1, row(n), true));
    let mut tables = Tables::of(rows.chain([(2, row(0), true)]));
    let jobs = jobs(&[(1, 10), (2, 10)]);
    let mut backfill = Backfill::new(jobs, Scope::Queue, 1024, None, tables.now);
    run(&mut backfill, &mut tables);
    assert_eq!(tables.embedded.len(), 120_001);
    // Of the fourth the last are found.
    assert_eq!(tables.looks, [1 << 14, 1 << 15, 1 << 16, 1 << 17, 1 << 14]);
}

#[test]
fn what_is_written_behind_a_call_is_embedded_and_left_to_the_next_in_a_queue() {
    for (scope, embedded) in [(Scope::Named, 4), (Scope::Queue, 3)] {
        let mut tables = Tables::of((5..8).map(|n| (1, row(n), true)));
        tables.written = vec![(1, row(0))];
        let now = Instant::now();
        let mut backfill = Backfill::new(jobs(&[(1, 10)]), scope, 2, None, now);
        run(&mut backfill, &mut tables);
        assert_eq!(backfill.counts().embedded, embedded);
    }
}

#[test]
fn a_queue_goes_on_from_a_cursor_and_begins_again_where_nothing_follows() {
    let now = Instant::now();
    let after = |start| {
        let mut tables = Tables::of((0..3).map(|n| (1, row(n), true)));
        let job = Job::new(1, 10, start);
        let mut backfill = Backfill::new(vec![job], Scope::Queue, 8, None, now);
        run(&mut backfill, &mut tables);
        (tables.embedded.len(), tables.ended[0].1.from_start)
    };
    assert_eq!(after(row(1)), (1, false));
    assert_eq!(after(row(7)), (3, true));
    assert_eq!(after(Tid::START), (3, true));
}

#[test]
fn owners_take_turns_and_tables_go_on_where_they_were_left() {
    let rows = [(1, 10), (2, 10), (3, 11)];
    let mut tables = Tables::of(
        rows.iter()
            .flat_map(|&(table, _)| (0..6).map(move |n| (table, row(n), true))),
    );
    let began = tables.now;
    let mut backfill = Backfill::new(jobs(&rows), Scope::Queue, 2, None, began);
    backfill.step(&mut tables).unwrap();
    tables.now = began + Duration::from_secs(9);
    backfill.step(&mut tables).unwrap();
    assert_eq!(backfill.table(), Some(&1));
    // The turn is over; the rest of the table is left for the owner's next.
    tables.now = began + Duration::from_secs(10);
    backfill.step(&mut tables).unwrap();
    assert_eq!(backfill.table(), Some(&3));
    tables.now = began + Duration::from_secs(11);
    run(&mut backfill, &mut tables);
    let order: Vec<u32> = tables.ended.iter().map(|(table, _)| *table).collect();
    assert_eq!(order, [3, 1, 2]);
    let end = tables.ended[1].1;
    assert!(!end.from_start && end.any_embedded);
    assert_eq!(tables.embedded.len(), 18);
}

#[test]
fn one_owner_has_no_turns() {
    let mut tables = Tables::of((0..4).map(|n| (1, row(n), true)));
    let now = Instant::now();
    let mut backfill = Backfill::new(jobs(&[(1, 10)]), Scope::Queue, 2, None, now);
    tables.now += Duration::from_secs(60);
    run(&mut backfill, &mut tables);
    assert!(tables.ended[0].1.from_start);
}

#[test]
fn a_table_that_fails_is_given_up_and_others_go_on() {
    let mut tables = Tables::of([(1, row(0), true), (2, row(0), true)]);
    let now = Instant::now();
    let mut backfill = Backfill::new(jobs(&[(1, 10), (2, 11)]), Scope::Queue, 2, None, now);
    tables.answers = Some(0);
    backfill.step(&mut tables).unwrap_err();
    tables.answers = None;
    backfill.give_up(now);
    run(&mut backfill, &mut tables);
    assert_eq!(tables.embedded, [(2, row(0))]);
}

#[test]
fn progress_is_told_every_ten_seconds() {
    let began = Instant::now();
    let mut tables = Tables::of((0..5).map(|n| (1, row(n), n > 0)));
    let mut backfill = Backfill::new(jobs(&[(1, 10)]), Scope::Named, 5, Some(5), began);
    backfill.step(&mut tables).unwrap();
    backfill.step(&mut tables).unwrap();
    assert_eq!(backfill.tell(began + Duration::from_secs(10)), None);
    let told = backfill.tell(began + Duration::from_secs(16)).unwrap();
    let expected = "embedded 4 row(s) of 5 so far, 0.2 per second; 1 could not be embedded";
    assert_eq!(told, expected);
    assert_eq!(backfill.tell(began + Duration::from_secs(20)), None);
}

#[test]
fn cursors_are_forgotten_when_the_start_has_not_been_seen_for_long() {
    let began = Instant::now();
    let later = |seconds| began + Duration::from_secs(seconds);
    let mut cursors = Cursors::default();
    assert_eq!(cursors.start(&1, began), Tid::START);
    cursors.keep(1, row(5), true, began);
    cursors.keep(1, row(8), false, later(6));
    assert_eq!(cursors.start(&1, later(9)), row(8));
    assert_eq!(cursors.start(&1, later(10)), Tid::START);
    cursors.keep(1, row(9), true, later(10));
    assert_eq!(cursors.start(&1, later(19)), row(9));
}

#[test]
fn sqlstates_tell_whose_fault_an_error_is() {
    let usual = Circumstances::default();
    let limited = Circumstances {
        is_limited: true,
        ..usual
    };
    let with_policies = Circumstances {
        has_policies: true,
        ..usual
    };
    for (state, circumstances, fault) in [
        // unique_violation, raise_exception, invalid_binary_representation, feature_not_supported
        (b"23505", usual, Fault::Row),
        (b"P0001", usual, Fault::Row),
        (b"22P03", usual, Fault::Row),
        (b"0A000", usual, Fault::Row),
        (b"38000", usual, Fault::Row),
        (b"53200", usual, Fault::Row),
        // insufficient_resources, disk_full, undefined_column, internal_error, deadlock_detected
        (b"53000", usual, Fault::Table),
        (b"53100", usual, Fault::Table),
        (b"42703", usual, Fault::Table),
        (b"XX000", usual, Fault::Table),
        (b"40P01", usual, Fault::Table),
        (b"42501", usual, Fault::Table),
        (b"42501", with_policies, Fault::Row),
        (b"55P03", usual, Fault::Delay),
        (b"57014", usual, Fault::User),
        (b"57014", limited, Fault::Delay),
    ] {
        assert_eq!(
            Fault::of(SqlState::of(state), circumstances),
            fault,
            "{state:?}"
        );
    }
    // As the server's MAKE_SQLSTATE has it.
    assert_eq!(SqlState::of(b"22012"), SqlState(33_816_706));
}

#[test]
fn rows_are_tried_again_later_and_later() {
    assert_eq!(retries(true), [1, 2, 4, 8, 16]);
    assert_eq!(retries(false), [0; 0]);
}

proptest! {
    #[test]
    fn tids_are_read_as_they_are_written(block: u32, offset: u16) {
        let tid = Tid { block, offset };
        prop_assert_eq!(tid.to_string().parse(), Ok(tid));
    }

    #[test]
    fn text_is_a_tid_or_none(text in ".*") {
        if let Ok(tid) = text.parse::<Tid>() {
            prop_assert_eq!(tid.to_string().parse(), Ok(tid));
        }
    }

    /// Whatever fails, what is at fault is told of, and the rest is done, once and in order.
    #[test]
    fn faults_are_isolated(
        items in prop::collection::vec(any::<bool>(), 0..60),
        known: bool,
    ) {
        let items: Vec<(usize, bool)> = items.into_iter().enumerate().collect();
        let (mut faults, mut attempts) = (Vec::new(), 0);
        let done = isolate(
            &items,
            |items: &[(usize, bool)]| {
                attempts += 1;
                match items.iter().position(|(_, good)| !good) {
                    Some(n) => Err(Trouble::<(), ()>::Item((), known.then_some(n))),
                    None => Ok(items.iter().map(|(n, _)| *n).collect()),
                }
            },
            |(n, _), ()| faults.push(*n),
        );
        let numbers = |wanted: bool| -> Vec<usize> {
            items.iter().filter(|(_, good)| *good == wanted).map(|(n, _)| *n).collect()
        };
        prop_assert_eq!(done, Ok(numbers(true)));
        let at_fault = numbers(false);
        let depth = usize::BITS - items.len().leading_zeros();
        let most = if known { 3 * at_fault.len() + 1 } else { 1 + 2 * at_fault.len() * depth as usize };
        prop_assert!(attempts <= most, "{} attempts", attempts);
        prop_assert_eq!(faults, at_fault);
    }

    #[test]
    fn what_is_no_items_fault_ends_it(count in 1usize..60, bad in 0usize..60, other in 0usize..60) {
        let items: Vec<usize> = (0..count).collect();
        let outcome = isolate(
            &items,
            |items: &[usize]| match items {
                items if items.contains(&other) => Err(Trouble::Other("server")),
                items if items.contains(&bad) => Err(Trouble::Item((), None)),
                items => Ok(items.to_vec()),
            },
            |_, ()| (),
        );
        prop_assert_eq!(outcome.is_err(), other < count);
    }

    /// Every row that can be embedded is, once, and every other is listed, whatever fails on the way, in whatever batches.
    #[test]
    fn every_row_is_visited(
        rows in prop::collection::vec((0u32..4, 0u32..1000, prop::bool::weighted(0.9)), 0..300),
        batch_size in 1usize..50,
        queue: bool,
        fails in prop::collection::vec(0usize..9, 0..5),
        seconds in 0u64..5,
    ) {
        let rows: BTreeMap<(u32, u32), bool> = rows.into_iter().map(|(table, n, good)| ((table, n), good)).collect();
        let mut tables = Tables::of(rows.iter().map(|(&(table, n), &good)| (table, row(n), good)));
        let scope = if queue { Scope::Queue } else { Scope::Named };
        let now = tables.now;
        let owners = [(0, 10), (1, 11), (2, 10), (3, 12)];
        let mut backfill = Backfill::new(jobs(&owners), scope, batch_size, None, now);
        for answers in fails {
            tables.answers = Some(answers);
            while backfill.table().is_some() && backfill.step(&mut tables).is_ok() {
                tables.now += Duration::from_secs(seconds);
            }
        }
        tables.answers = None;
        while backfill.table().is_some() {
            backfill.step(&mut tables).unwrap();
            tables.now += Duration::from_secs(seconds);
        }
        let good = rows.values().filter(|good| **good).count();
        let counts = Counts { embedded: good as u64, failed: (rows.len() - good) as u64 };
        prop_assert_eq!(backfill.counts(), counts);
        prop_assert_eq!(tables.embedded.len(), good);
        prop_assert_eq!(tables.listed.len(), rows.len() - good);
        prop_assert!(tables.batches.iter().all(|&size| size <= batch_size));
        let mut ended: Vec<u32> = tables.ended.iter().map(|(table, _)| *table).collect();
        ended.sort_unstable();
        prop_assert_eq!(ended, [0, 1, 2, 3]);
    }
}
