//! Scans with a filter: every row that passes, none that does not, and the nearest of them first.

mod common;

use std::collections::BTreeSet;

use common::*;
use graph::build::Builder;
use graph::check::check;
use graph::filter::{Comparison, Condition, Filter, NULL, Word};
use graph::index::{Index, Parameters};
use graph::insert::{NewRow, insert};
use graph::mem::MemStore;
use graph::retrain::retrain;
use graph::scan::{Order, Scan};
use graph::space::Metric;
use graph::vacuum::bulk_delete;
use half::f16;

const METRIC: Metric = Metric::Cosine;
const ROWS: usize = 6_000;

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

fn filled<'s>(store: &'s MemStore, data: &[Vec<f16>], build: bool) -> Index<&'s MemStore> {
    if build {
        let mut builder = Builder::new(two_columns(), usize::MAX).unwrap();
        for (row, vector) in data.iter().enumerate() {
            let words = words(data, row);
            assert!(builder.push(vector, new_row(row, &words)).unwrap());
        }
        return builder.finish(store, ALONE, |_, _, _| ()).unwrap();
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
    let scan = Scan::new(index.query(query).unwrap(), options(64, Order::Strict))
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
    let (store, data) = (MemStore::new(), vectors(ROWS, 1));
    let index = filled(&store, &data, true);
    whole(&index);
    check_filters(&index, &data, &Vec::from_iter(0..ROWS));
}

#[test]
fn rows_that_pass_are_found_after_inserts_and_vacuum() {
    let (store, data) = (MemStore::new(), vectors(ROWS / 2, 1));
    let mut index = filled(&store, &data, false);
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
fn equal_vectors_with_other_words_pass_where_one_may() {
    let data = vectors(4, 1);
    for build in [false, true] {
        let store = MemStore::new();
        let words = |row: usize| [Word::integer(row as i64 % 5).word, Word::integer(7).word];
        let mut builder = Builder::new(two_columns(), usize::MAX).unwrap();
        let mut index = match build {
            true => {
                for row in 0..400 {
                    builder
                        .push(&data[row % 4], new_row(row, &words(row)))
                        .unwrap();
                }
                builder.finish(&store, ALONE, |_, _, _| ()).unwrap()
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
