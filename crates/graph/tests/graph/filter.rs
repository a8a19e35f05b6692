//! Scans with a filter: every row that passes, none that does not, and the nearest of them first.

use std::collections::BTreeSet;

use crate::common::*;
use graph::build::Builder;
use graph::census::census;
use graph::check::{Nodes, check};
use graph::effort::PROBE;
use graph::filter::{Comparison, Condition, Filter, NULL, Word};
use graph::index::{Index, Parameters};
use graph::insert::{NewRow, insert};
use graph::layout::{Factors, Kind, Summary};
use graph::mem::{MemStore, interleave};
use graph::retrain::retrain;
use graph::scan::{Options, Order, Scan};
use graph::search::Limits;
use graph::space::Metric;
use graph::store::PageStore;
use graph::vacuum::bulk_delete;
use half::f16;

const METRIC: Metric = Metric::Cosine;
const ROWS: usize = 6_000;
/// Memory in which rows of these tests are put aside.
const LITTLE: usize = 300_000;

fn two_columns() -> Parameters {
    Parameters {
        columns: 2,
        ..parameters(METRIC)
    }
}

/// Of row `row`: its hundredth, and a number that goes with the vector.
fn words(data: &[Vec<f16>], row: usize) -> [u64; 2] {
    let number = (f32::from(data[row][0]) * 1000.0) as i64;
    let hundredth = match row % 100 {
        99 => NULL,
        rest => Word::integer(rest as i64).word,
    };
    [hundredth, Word::integer(number).word]
}

fn new_row(row: usize, words: &[u64; 2]) -> NewRow<'_> {
    NewRow {
        tid: tid(row),
        words,
    }
}

/// Whether all rows are of nodes that are listed with words that cover theirs.
fn lists_all(
    index: &Index<&MemStore>,
    data: &[Vec<f16>],
    rows: impl Iterator<Item = usize>,
) -> bool {
    let nodes = Nodes::read(index).unwrap();
    let mut rows = rows;
    rows.all(|row| {
        let words = words(data, row);
        nodes.fit(index, new_row(row, &words)).unwrap()
    })
}

/// An index built in so many bytes of memory, or filled row by row.
fn filled<'s>(store: &'s MemStore, data: &[Vec<f16>], build: Option<usize>) -> Index<&'s MemStore> {
    if let Some(budget) = build {
        let mut builder = Builder::new(store, two_columns(), budget).unwrap();
        for (row, vector) in data.iter().enumerate() {
            let words = words(data, row);
            builder.push(vector, new_row(row, &words)).unwrap();
        }
        return builder.finish(ALONE, |_, _, _| ()).unwrap();
    }
    let mut index = Index::create(store, &two_columns()).unwrap();
    for (row, vector) in data.iter().enumerate() {
        insert(&mut index, vector, new_row(row, &words(data, row))).unwrap();
    }
    index
}

fn below(column: usize, end: i64) -> Filter {
    let mut filter = Filter::default();
    let condition = Condition::compared(Comparison::Less, Word::integer(end));
    filter.add(column, condition);
    filter
}

/// Rows of a complete scan, as the executor returns them.
fn scan(
    index: &Index<&MemStore>,
    data: &[Vec<f16>],
    query: &[f16],
    filter: &Filter,
    limit: usize,
) -> Vec<usize> {
    wide_scan(64, index, data, query, filter, limit)
}

/// The same, as wide as `ef`.
fn wide_scan(
    ef: usize,
    index: &Index<&MemStore>,
    data: &[Vec<f16>],
    query: &[f16],
    filter: &Filter,
    limit: usize,
) -> Vec<usize> {
    let scan = Scan::new(index.query(query).unwrap(), options(ef, Order::Strict))
        .filtered(filter.clone())
        .complete();
    let rows = returned(index, scan, query, data, limit);
    rows.into_iter().map(|(row, _)| row).collect()
}

fn check_filter(index: &Index<&MemStore>, data: &[Vec<f16>], rows: &[usize], filter: &Filter) {
    let pass: Vec<usize> = rows
        .iter()
        .copied()
        .filter(|&row| filter.passes(&words(data, row)))
        .collect();
    let (mut found, mut wanted) = (0, 0);
    for query in vectors(20, 99) {
        let all: BTreeSet<usize> = scan(index, data, &query, filter, usize::MAX)
            .into_iter()
            .collect();
        assert!(all.iter().all(|row| pass.contains(row)));
        // What strict order leaves out are a few.
        assert!(
            all.len() + 5 + pass.len() / 50 >= pass.len(),
            "{} of {}",
            all.len(),
            pass.len()
        );
        let mut nearest = pass.clone();
        nearest.sort_by(|&a, &b| {
            let of = |row: usize| distance(METRIC, &query, &data[row]);
            of(a).total_cmp(&of(b))
        });
        nearest.truncate(10);
        wanted += nearest.len();
        let first = scan(index, data, &query, filter, 10);
        found += nearest.iter().filter(|row| first.contains(row)).count();
    }
    assert!(found * 100 >= wanted * 97, "{found} of {wanted}");
}

fn check_filters(index: &Index<&MemStore>, data: &[Vec<f16>], rows: &[usize]) {
    for filter in [
        below(0, 0),
        below(0, 1),
        below(0, 10),
        below(0, 100),
        below(1, 700),
        below(1, 1_500),
    ] {
        check_filter(index, data, rows, &filter);
    }
    let mut both = below(1, 1_500);
    both.add(0, Condition::null());
    check_filter(index, data, rows, &both);
}

#[test]
fn rows_that_pass_are_found() {
    for budget in [usize::MAX, LITTLE] {
        let (store, data) = (MemStore::new(), vectors(ROWS, 1));
        let index = filled(&store, &data, Some(budget));
        whole(&index);
        check_filters(&index, &data, &Vec::from_iter(0..ROWS));
    }
}

#[test]
fn a_scan_as_wide_as_the_index_misses_nothing() {
    let (store, data) = (MemStore::new(), vectors(ROWS, 1));
    let index = filled(&store, &data, Some(usize::MAX));
    for filter in [below(0, 1), below(0, 10), below(0, 100), below(1, 1_500)] {
        for query in vectors(5, 99) {
            let mut pass: Vec<usize> = (0..ROWS)
                .filter(|&row| filter.passes(&words(&data, row)))
                .collect();
            pass.sort_by(|&a, &b| {
                let of = |row: usize| distance(METRIC, &query, &data[row]);
                of(a).total_cmp(&of(b)).then(a.cmp(&b))
            });
            let found = wide_scan(10 * ROWS, &index, &data, &query, &filter, usize::MAX);
            assert_eq!(found, pass);
        }
    }
}

#[test]
fn rows_that_pass_are_found_after_inserts_and_vacuum() {
    let (store, data) = (MemStore::new(), vectors(ROWS / 2, 1));
    let mut index = filled(&store, &data, None);
    check_filters(&index, &data, &Vec::from_iter(0..ROWS / 2));
    retrain(&mut index).unwrap();
    check_filters(&index, &data, &Vec::from_iter(0..ROWS / 2));
    bulk_delete(&mut index, |tid| row(tid).is_multiple_of(3)).unwrap();
    for row in (0..ROWS / 2).step_by(6) {
        insert(&mut index, &data[row], new_row(row, &words(&data, row))).unwrap();
    }
    whole(&index);
    let rows = (0..ROWS / 2).filter(|row| row % 3 > 0 || row % 6 == 0);
    check_filters(&index, &data, &rows.collect::<Vec<usize>>());
}

#[test]
fn rows_that_pass_are_found_on_pages_with_summaries_and_on_others() {
    let (store, data) = (MemStore::new(), vectors(ROWS, 1));
    let mut index = filled(&store, &data[..ROWS / 2], Some(usize::MAX));
    for (row, vector) in data.iter().enumerate().skip(ROWS / 2) {
        insert(&mut index, vector, new_row(row, &words(&data, row))).unwrap();
    }
    whole(&index);
    check_filters(&index, &data, &Vec::from_iter(0..ROWS));
    bulk_delete(&mut index, |tid| row(tid).is_multiple_of(3)).unwrap();
    for row in (0..ROWS).step_by(6) {
        insert(&mut index, &data[row], new_row(row, &words(&data, row))).unwrap();
    }
    whole(&index);
    let rows = (0..ROWS).filter(|row| row % 3 > 0 || row % 6 == 0);
    check_filters(&index, &data, &rows.collect::<Vec<usize>>());
}

#[test]
fn a_new_basis_tells_means_anew() {
    let (store, data) = (MemStore::new(), vectors(17 * 600, 1));
    let mut index = filled(&store, &data[..600], Some(usize::MAX));
    let epoch = index.meta().epoch;
    for (row, vector) in data.iter().enumerate().skip(600) {
        insert(&mut index, vector, new_row(row, &words(&data, row))).unwrap();
    }
    retrain(&mut index).unwrap();
    assert_ne!(index.meta().epoch, epoch);
    let summaries = index.meta().summaries;
    let page = store.read(summaries).unwrap();
    assert_eq!(page.epoch(), index.meta().epoch);
    let read = page.summaries(index.shape());
    assert!(read.factors.iter().all(|factors| factors.coded()));
    assert!(read.spreads.iter().all(|&spread| spread > 0.0));
    drop(page);
    check_filters(&index, &data, &Vec::from_iter(0..data.len()));
}

#[test]
fn vacuum_gives_summaries_to_what_was_added() {
    let (store, data) = (MemStore::new(), vectors(ROWS, 1));
    let mut index = filled(&store, &data, None);
    let before = index.meta().room;
    assert_eq!((index.meta().summaries, index.meta().summarized), (0, 0));
    retrain(&mut index).unwrap();
    assert_eq!(index.meta().summarized as usize, ROWS);
    // What was the chain is free for nodes now, and there is a page at its end.
    assert!(store.read(before).unwrap().has_slots());
    let end = index.meta().directory;
    assert!(
        store
            .read(end)
            .unwrap()
            .listing(index.shape())
            .pointers
            .is_empty()
    );
    let pages = ROWS.div_ceil(index.shape().listed());
    let with_summaries = pages + pages.div_ceil(index.shape().summarized());
    assert_eq!(
        census(&index).unwrap().filter_pages as usize,
        with_summaries + 1
    );
    whole(&index);
    assert!(lists_all(&index, &data, 0..ROWS));
    check_filters(&index, &data, &Vec::from_iter(0..ROWS));
    // A few more are not worth it.
    for (row, vector) in (ROWS..).zip(&data[..100]) {
        insert(&mut index, vector, new_row(row, &[NULL, NULL])).unwrap();
    }
    retrain(&mut index).unwrap();
    assert_eq!(index.meta().directory, end);
    assert!(
        !store
            .read(end)
            .unwrap()
            .listing(index.shape())
            .pointers
            .is_empty()
    );
}

/// Readers and insertions beside a vacuum that gives summaries to what they read and add to.
#[test]
fn summaries_are_made_beside_others() {
    const THERE: usize = 1_500;
    let data = vectors(THERE + 40, 1);
    for seed in 0..4 {
        let store = MemStore::new();
        let mut index = filled(&store, &data[..600], Some(usize::MAX));
        for row in 600..THERE {
            insert(&mut index, &data[row], new_row(row, &words(&data, row))).unwrap();
        }
        let summarized = index.meta().summarized;
        let (store, data) = (&store, &data);
        let read = |index: &Index<_>| {
            let filter = below(0, 50);
            let query = index.query(&data[seed as usize]).unwrap();
            let scan = Scan::new(query, options(8, Order::Relaxed));
            let scan = scan.filtered(filter.clone()).complete();
            let found = returned(index, scan, &data[seed as usize], data, usize::MAX);
            let found: BTreeSet<usize> = found.into_iter().map(|(row, _)| row).collect();
            for row in (0..THERE).filter(|&row| filter.passes(&words(data, row))) {
                assert!(found.contains(&row), "row {row}, seed {seed}");
            }
        };
        let mut tasks: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        tasks.push(Box::new(move || {
            for _ in 0..4 {
                read(&Index::open(store, None).unwrap());
            }
        }));
        tasks.push(Box::new(move || {
            let mut index = Index::open(store, None).unwrap();
            for (row, vector) in data.iter().enumerate().skip(THERE) {
                insert(&mut index, vector, new_row(row, &words(data, row))).unwrap();
            }
        }));
        tasks.push(Box::new(move || {
            let mut index = Index::open(store, None).unwrap();
            retrain(&mut index).unwrap();
        }));
        interleave(seed, tasks);
        let index = Index::open(store, None).unwrap();
        assert!(index.meta().summarized > summarized);
        whole(&index);
        assert!(lists_all(&index, data, 0..data.len()));
    }
}

#[test]
fn a_crash_while_summaries_are_made_loses_nothing() {
    let data = vectors(1_500, 1);
    let mut wanted = None;
    for commits in 0.. {
        let store = MemStore::new();
        let mut index = filled(&store, &data, Some(usize::MAX));
        // As many again, with other words.
        for row in 0..data.len() {
            let words = words(&data, (row + 1) % data.len());
            insert(&mut index, &data[row], new_row(data.len() + row, &words)).unwrap();
        }
        store.crash_after(commits);
        let done = retrain(&mut index).is_ok();
        let store = store.restart();
        let mut index = Index::open(&store, None).unwrap();
        assert_eq!(check(&index).unwrap().0.problems, [""; 0], "{commits}");
        bulk_delete(&mut index, |tid| row(tid) == 0 || row(tid) == data.len()).unwrap();
        retrain(&mut index).unwrap();
        let nodes = Nodes::read(&index).unwrap();
        for row in 1..data.len() {
            for (row, of) in [(row, row), (data.len() + row, (row + 1) % data.len())] {
                let words = words(&data, of);
                assert!(
                    nodes.fit(&index, new_row(row, &words)).unwrap(),
                    "{row}, {commits}"
                );
            }
        }
        // Of pages that nothing leads to, none is left by then.
        bulk_delete(&mut index, |tid| {
            row(tid) == 1 || row(tid) == data.len() + 1
        })
        .unwrap();
        let pages = census(&index).unwrap().filter_pages;
        assert!(
            pages <= *wanted.get_or_insert(pages) + 2,
            "{pages}, {wanted:?}, {commits}"
        );
        if done {
            break;
        }
    }
}

#[test]
fn pages_are_not_read_on_which_nothing_passes() {
    let (store, data) = (MemStore::new(), vectors(ROWS, 1));
    let index = filled(&store, &data, Some(usize::MAX));
    let before = store.reads();
    assert_eq!(
        scan(&index, &data, &data[0], &below(1, i64::MIN + 1), 10),
        [0; 0]
    );
    // The graph shows that next to nothing passes, and the summaries that nothing does.
    let (read, pages) = (store.reads() - before, census(&index).unwrap().filter_pages);
    assert!(pages > 30 && read < PROBE as u64 + 20, "{read}, {pages}");
}

#[test]
fn without_room_for_what_passes_nothing_is_missed() {
    let (store, data) = (MemStore::new(), vectors(ROWS, 1));
    let index = filled(&store, &data, Some(usize::MAX));
    let filter = below(0, 10);
    let pass = (0..ROWS).filter(|&row| filter.passes(&words(&data, row)));
    let limits = Limits {
        bytes: 2_000,
        ..Limits::NONE
    };
    let options = Options {
        limits,
        ..options(64, Order::Relaxed)
    };
    let scan = Scan::new(index.query(&data[0]).unwrap(), options)
        .filtered(filter.clone())
        .complete();
    let mut found: Vec<usize> = returned(&index, scan, &data[0], &data, usize::MAX)
        .into_iter()
        .map(|(row, _)| row)
        .collect();
    found.sort_unstable();
    assert_eq!(found, pass.collect::<Vec<usize>>());
}

#[test]
fn a_summary_that_does_not_cover_its_page_is_noticed() {
    let (store, data) = (MemStore::new(), vectors(ROWS, 1));
    let index = filled(&store, &data, Some(usize::MAX));
    assert!(lists_all(&index, &data, 0..ROWS));
    let shape = index.shape();
    store.spoil(index.meta().summaries, |page| {
        let mut zone = page.summaries(shape).zone(1, 3);
        zone.most = zone.least;
        let summary = Summary {
            block: page.summaries(shape).blocks[3],
            spread: 1.0,
            factors: Factors::UNCODED,
            code: Box::default(),
            zones: vec![page.summaries(shape).zone(0, 3), zone],
        };
        page.init(Kind::Summaries, page.epoch());
        assert!(page.push_summary(shape, &summary));
    });
    assert!(!lists_all(&index, &data, 0..ROWS));
}

#[test]
fn equal_vectors_with_other_words_pass_where_one_may() {
    let data = vectors(4, 1);
    for build in [false, true] {
        let store = MemStore::new();
        let words = |row: usize| [Word::integer(row as i64 % 5).word, Word::integer(7).word];
        let mut builder = Builder::new(&store, two_columns(), usize::MAX).unwrap();
        let mut index = match build {
            true => {
                for row in 0..400 {
                    builder
                        .push(&data[row % 4], new_row(row, &words(row)))
                        .unwrap();
                }
                builder.finish(ALONE, |_, _, _| ()).unwrap()
            }
            false => Index::create(&store, &two_columns()).unwrap(),
        };
        for row in 0..if build { 0 } else { 400 } {
            insert(&mut index, &data[row % 4], new_row(row, &words(row))).unwrap();
        }
        let (report, rows) = check(&index).unwrap();
        assert_eq!((report.live, rows.len()), (4, 400));
        let unsure = |filter: &Filter| {
            let query = index.query(&data[0]).unwrap();
            let mut scan = Scan::new(query, options(10, Order::Strict))
                .filtered(filter.clone())
                .complete();
            let mut count = 0;
            while let Some(row) = scan.next_row(&index).unwrap() {
                assert!(row.recheck);
                count += 1;
            }
            count
        };
        // Every node has rows of all kinds in the one column, and one kind in the other.
        assert_eq!(unsure(&below(0, 1)), 400);
        assert_eq!(unsure(&below(1, 7)), 0);
    }
}

#[test]
fn equal_vectors_keep_all_their_words_in_parts() {
    let (store, data) = (MemStore::new(), vectors(4_000, 1));
    let mut builder = Builder::new(&store, two_columns(), LITTLE).unwrap();
    for row in 0..2 * data.len() {
        // Some equal rows come one after the other, others when the first one is not in memory any more.
        let vector = match row < data.len() {
            true => row / 2,
            false => row - data.len() / 2,
        };
        let words = [row as i64 % 2, 7].map(|value| Word::integer(value).word);
        let vector = &data[vector % data.len()];
        builder.push(vector, new_row(row, &words)).unwrap();
    }
    let index = builder.finish(THREADS, |_, _, _| ()).unwrap();
    let (report, rows) = check(&index).unwrap();
    assert_eq!(report.problems, [""; 0]);
    assert_eq!((report.live, rows.len()), (data.len(), 2 * data.len()));
    let passing = |filter: &Filter| {
        let query = index.query(&data[0]).unwrap();
        let scan = Scan::new(query, options(10, Order::Relaxed));
        let mut scan = scan.filtered(filter.clone()).complete();
        let mut count = 0;
        while scan.next_row(&index).unwrap().is_some() {
            count += 1;
        }
        count
    };
    assert_eq!(passing(&below(1, 7)), 0);
    assert_eq!(passing(&below(1, 8)), 2 * data.len());
    assert!(passing(&below(0, 1)) >= data.len());
}

#[test]
fn vacuum_frees_a_page_of_the_directory_that_a_crash_left_unlinked() {
    let data = vectors(6, 1);
    let pages = |index: &Index<&MemStore>| census(index).unwrap().filter_pages;
    let (mut commits, mut left) = (1, 0);
    loop {
        let store = MemStore::new();
        let mut index = Index::create(&store, &two_columns()).unwrap();
        store.crash_after(commits);
        let mut rows = (0..data.len()).map(|row| (row, words(&data, row)));
        if rows.all(|(row, words)| insert(&mut index, &data[row], new_row(row, &words)).is_ok()) {
            break;
        }
        let store = store.restart();
        let mut index = Index::open(&store, None).unwrap();
        for row in 10..10 + data.len() {
            let words = words(&data, row - 10);
            insert(&mut index, &data[row - 10], new_row(row, &words)).unwrap();
        }
        left += pages(&index) - 1;
        let first = [tid(0), tid(10)];
        bulk_delete(&mut index, |tid| first.contains(&tid)).unwrap();
        assert_eq!(pages(&index), 1, "after {commits} commits");
        assert_eq!(
            check(&index).unwrap().0.problems,
            [""; 0],
            "after {commits} commits"
        );
        commits += 1;
    }
    assert!(left > 0);
}
