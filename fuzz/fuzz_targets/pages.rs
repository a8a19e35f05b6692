//! Pages of an index overwritten: scans, checks, vacuums and inserts end, with an answer or an error.
//!
//! An input is a list of changes to the pages of an index of some rows: which page, where on it, how many bytes and what.
#![no_main]

use std::cell::OnceCell;

use graph::build::Builder;
use graph::census::census;
use graph::check::check;
use graph::filter::{Comparison, Condition, Filter, Word};
use graph::index::{Index, Parameters};
use graph::insert::{NewRow, insert};
use graph::layout::{Page, Tid};
use graph::mem::MemStore;
use graph::random::Random;
use graph::retrain::retrain;
use graph::scan::{Options, Order, Scan};
use graph::search::Limits;
use graph::space::Metric;
use graph::store::PageStore;
use graph::threads::Threads;
use graph::vacuum::bulk_delete;
use half::f16;
use libfuzzer_sys::fuzz_target;

const DIMS: usize = 8;

fn vector(random: &mut Random) -> Vec<f16> {
    (0..DIMS).map(|_| f16::from_f32(random.normal())).collect()
}

/// An index of some rows, several of which are equal, with codes, entry points and a filter column.
fn whole() -> MemStore {
    let store = MemStore::new();
    let parameters = Parameters {
        metric: Metric::Cosine,
        dims: DIMS,
        m: 3,
        ef_construction: 8,
        columns: 1,
    };
    let mut builder = Builder::new(&store, parameters, usize::MAX).expect("parameters in range");
    let mut random = Random::new(1);
    for row in 0..300 {
        let mut vector = vector(&mut random);
        if row % 3 == 0 {
            vector = vec![f16::ONE; DIMS];
        }
        let words = &[Word::integer(i64::from(row % 4)).word];
        let tid = Tid::new(row, 1);
        builder
            .push(&vector, NewRow { tid, words })
            .expect("memory");
    }
    let threads = Threads {
        count: 1,
        spawning: |start| start(),
    };
    builder
        .finish(threads, |_, _, _| ())
        .expect("a store in memory");
    store
}

/// Eight bytes, then those that they say: page, offset, count, and whether they are written once or all over.
fn spoil(store: &MemStore, mut changes: &[u8]) {
    let blocks = PageStore::blocks(store).expect("a store in memory");
    while let Some((head, rest)) = changes.split_first_chunk::<6>() {
        let block = u32::from(u16::from_le_bytes([head[0], head[1]])) % blocks;
        let at = usize::from(u16::from_le_bytes([head[2], head[3]])) % size_of::<Page>();
        let count = usize::from(head[4]).min(rest.len());
        let (bytes, rest) = rest.split_at(count);
        let times = 1 + usize::from(head[5]);
        store.spoil(block, |page| {
            let page = page.bytes_mut();
            for time in 0..times {
                for (i, &byte) in bytes.iter().enumerate() {
                    if let Some(there) = page.get_mut(at + time * count + i) {
                        *there = byte;
                    }
                }
            }
        });
        changes = rest;
    }
}

fn use_all(store: &MemStore) -> graph::error::Result<()> {
    let mut index = Index::open(store, None)?;
    let _ = check(&index);
    let _ = census(&index);
    let query = vector(&mut Random::new(2));
    let columns = index.shape().columns;
    let words = vec![Word::integer(3).word; columns];
    let mut filter = Filter::default();
    if columns > 0 {
        filter.add(0, Condition::compared(Comparison::Less, Word::integer(1)));
    }
    for order in [Order::Strict, Order::Relaxed] {
        for (complete, filtered) in [(false, false), (true, false), (true, true)] {
            let options = Options {
                ef: 8,
                order,
                limits: Limits::NONE,
                skip_dead: true,
            };
            let mut scan = Scan::new(index.query(&query)?, options);
            if complete {
                scan = scan.complete();
            }
            if filtered {
                scan = scan.filtered(filter.clone());
            }
            // Overwritten chains may tell rows many times over, each time from another slot.
            for _ in 0..2_000 {
                match scan.next_row(&index) {
                    Ok(Some(row)) => scan.mark_dead(&index, row.tid)?,
                    Ok(None) | Err(_) => break,
                }
            }
            scan.close();
        }
    }
    for (vector, block) in [(&query[..], 1_000), (&[f16::ONE; DIMS], 1_001)] {
        let row = NewRow {
            tid: Tid::new(block, 1),
            words: &words,
        };
        let _ = insert(&mut index, vector, row);
    }
    let _ = bulk_delete(&mut index, |tid| tid.block() % 7 == 0);
    let _ = retrain(&mut index);
    let _ = check(&index);
    Ok(())
}

thread_local! {
    static WHOLE: OnceCell<MemStore> = const { OnceCell::new() };
}

fuzz_target!(init: clip_pg_fuzz::keep_fences(), |input: &[u8]| {
    let store = WHOLE.with(|store| store.get_or_init(whole).restart());
    spoil(&store, input);
    let _ = use_all(&store);
});
