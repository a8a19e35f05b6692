//! What the check finds, and slots of every shape.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::common::*;
use graph::check::{check, finds};
use graph::error::Error;
use graph::index::Index;
use graph::insert::insert;
use graph::layout::{Factors, Kind, Page, Pointer, Shape, State, Summary};
use graph::mem::{MemStore, interleave};
use graph::random::Random;
use graph::retrain::retrain;
use graph::rounded::Rounded;
use graph::scan::{Order, Scan};
use graph::space::Metric;
use graph::store::PageStore;
use graph::vacuum::bulk_delete;
use graph::zone::Zone;
use half::f16;
use proptest::prelude::*;

fn filled(store: &MemStore) -> Index<&MemStore> {
    inserted(store, &parameters(Metric::L2), &vectors(60, 1))
}

/// The problems found after the first page of nodes was changed.
fn problems(change: impl FnOnce(&mut Page, &Shape)) -> Vec<String> {
    let store = MemStore::new();
    let index = filled(&store);
    whole(&index);
    store.spoil(1, |page| change(page, index.shape()));
    check(&index).unwrap().0.problems
}

#[test]
fn damage_is_found() {
    let found = problems(|page, shape| page.slot_mut(shape, 2).free());
    assert!(
        found.iter().any(|text| text.contains("which is gone")),
        "{found:?}"
    );
    let found = problems(|page, shape| page.slot_mut(shape, 2).header_mut().norm_squared += 1.0);
    assert!(found.iter().any(|text| text.contains("norm")), "{found:?}");
    let found = problems(|page, shape| {
        let other = page.slot(shape, 1).tids()[0];
        page.slot_mut(shape, 2).push_tid(other);
    });
    assert!(found.iter().any(|text| text.contains("twice")), "{found:?}");
    let found = problems(|page, shape| {
        page.slot_mut(shape, 2).remove_tids(|_| true);
    });
    assert!(
        found.iter().any(|text| text.contains("without rows")),
        "{found:?}"
    );
    let found = problems(|page, shape| {
        let own = Pointer::new(shape.id(1, 2).unwrap(), 0);
        page.slot_mut(shape, 2)
            .set_edge(0, own, Factors::UNCODED, &[]);
    });
    assert!(
        found.iter().any(|text| text.contains("to itself")),
        "{found:?}"
    );
    let found = problems(|page, shape| {
        page.slot_mut(shape, 2).set_overflow(Pointer::new(5, 3));
    });
    assert!(
        found.iter().any(|text| text.contains("broken chain")),
        "{found:?}"
    );
    let found = problems(|page, shape| {
        let beyond_the_end = Pointer::new(u32::MAX, 0);
        page.slot_mut(shape, 2).set_overflow(beyond_the_end);
    });
    assert!(
        found.iter().any(|text| text.contains("broken chain")),
        "{found:?}"
    );
    let found = problems(|page, _| page.init(Kind::Meta, 0));
    assert!(
        found.iter().any(|text| text.contains("meta page")),
        "{found:?}"
    );
}

#[test]
fn rows_come_in_order() {
    let store = MemStore::new();
    let (_, rows) = check(&filled(&store)).unwrap();
    let mut expected: Vec<_> = (0..60).map(tid).collect();
    expected.sort_unstable();
    assert_eq!(rows, expected);
}

#[test]
fn lost_nodes_are_counted_and_their_edges_checked() {
    let store = MemStore::new();
    let index = filled(&store);
    let shape = index.shape();
    let lost = shape.id(1, 2).unwrap();
    assert_ne!(index.meta().entry.id, lost);
    for block in 1..graph::store::PageStore::blocks(&store).unwrap() {
        store.spoil(block, |page| {
            for number in 0..shape.slots {
                page.slot_mut(shape, number).set_degree(0);
            }
        });
    }
    store.spoil(1, |page| {
        let gone = Pointer::new(shape.id(1, 1).unwrap(), 7);
        let mut slot = page.slot_mut(shape, 2);
        slot.set_degree(1);
        slot.set_edge(0, gone, Factors::UNCODED, &[]);
    });
    let report = check(&index).unwrap().0;
    assert_eq!((report.live, report.unreachable), (60, 59));
    let [problem] = &report.problems[..] else {
        panic!("{:?}", report.problems);
    };
    assert!(problem.starts_with(&format!("node {lost}: edge to")));
}

/// Chains that lead back to where they were.
#[test]
fn a_chain_without_end_is_found() {
    let data = vectors(1_200, 1);
    let store = MemStore::new();
    let index = built(&store, parameters(Metric::L2), &data, ALONE);
    let endless = |error: Error| match error {
        Error::Corrupt { reason, .. } => assert!(reason.contains("no end"), "{reason}"),
        error => panic!("{error}"),
    };
    let roots = index.meta().roots;
    store.spoil(roots, |page| page.set_next(roots));
    let query = index.query(&data[0]).unwrap();
    let mut scan = Scan::new(query, options(10, Order::Strict));
    endless(scan.next_row(&index).unwrap_err());
    let basis = index.meta().basis;
    store.spoil(basis, |page| page.set_next(basis));
    endless(Index::open(&store, None).err().unwrap());

    let store = MemStore::new();
    let mut index = filled(&store);
    for row in 0..2_000 {
        insert(&mut index, &data[0], tid(row)).unwrap();
    }
    // Every slot of the chain is as good as empty, and leads to itself.
    let shape = *index.shape();
    for block in 1..graph::store::PageStore::blocks(&store).unwrap() {
        store.spoil(block, |page| {
            for number in 0..shape.slots {
                let mut slot = page.slot_mut(&shape, number);
                if slot.get().state() == State::Overflow {
                    let version = slot.get().header().version;
                    let own = Pointer::new(shape.id(block, number).unwrap(), version);
                    slot.set_state(State::Closed);
                    slot.set_overflow(own);
                }
            }
        });
    }
    endless(bulk_delete(&mut index, |_| false).unwrap_err());
}

#[test]
fn a_page_that_was_never_written_is_no_problem() {
    let store = MemStore::new();
    let index = filled(&store);
    let (_, page) = graph::store::PageStore::extend(&store).unwrap();
    drop(page);
    whole(&index);
}

#[test]
fn m_has_a_range() {
    for m in [0, 1, 101] {
        assert!(matches!(
            Shape::new(512, m, 0),
            Err(Error::Parameter { name: "m", .. })
        ));
    }
    assert!(matches!(
        Shape::new(512, 16, 9),
        Err(Error::Parameter {
            name: "columns",
            ..
        })
    ));
}

proptest! {
    /// What is written to the parts of a slot is read back from all of them, and neighbouring slots
    /// stay as they are.
    #[test]
    fn slots_hold_what_they_are_given(
        dims in 1_usize..3_000,
        m in 2_usize..=100,
        columns in 0_usize..=8,
    ) {
        let Ok(shape) = Shape::new(dims, m, columns) else {
            return Ok(());
        };
        let mut page = Page::default();
        page.init(Kind::Nodes, 0);
        let vector: Vec<f16> = (0..dims).map(|i| f16::from_f32(i as f32)).collect();
        let code = |i: usize| vec![i as u8 ^ 0x5a; shape.code_bytes];
        for number in 0..shape.slots {
            let mut slot = page.slot_mut(&shape, number);
            slot.init_node(&vector, number as f32);
            slot.set_own(7, Factors::new(1.5, number as f32), &code(number));
            slot.set_degree(shape.degree);
            for at in 0..shape.degree {
                let to = Pointer::new((1000 * number + at) as u32, at as u16);
                slot.set_edge(at, to, Factors::new(at as f32, 0.5), &code(at));
            }
            while slot.push_tid(tid(number)) {}
            slot.set_words(&vec![number as u64; columns]);
        }
        for number in 0..shape.slots {
            let slot = page.slot(&shape, number);
            prop_assert_eq!(slot.state(), State::Live);
            prop_assert_eq!(slot.header().norm_squared, number as f32);
            prop_assert_eq!(slot.rounded().to_owned(), Rounded::of(&vector));
            prop_assert_eq!(slot.words(), vec![number as u64; columns]);
            prop_assert_eq!(slot.own(), (Factors::new(1.5, number as f32), &code(number)[..]));
            prop_assert_eq!(slot.tids(), &[tid(number); 3]);
            for (at, edge) in slot.edges().enumerate() {
                prop_assert_eq!(edge, Pointer::new((1000 * number + at) as u32, at as u16));
                prop_assert_eq!(slot.factors()[at], Factors::new(at as f32, 0.5));
                let bytes = &slot.codes()[at * shape.code_bytes..][..shape.code_bytes];
                prop_assert_eq!(bytes, &code(at)[..]);
            }
        }
    }

    /// What is written to a page of summaries is read back.
    #[test]
    fn summaries_are_what_they_were(dims in 1_usize..3_000, columns in 1_usize..=8, seed: u64) {
        let Ok(shape) = Shape::new(dims, 8, columns) else {
            return Ok(());
        };
        let mut random = Random::new(seed);
        let mut word = || random.below(usize::MAX) as u64;
        let mut page = Page::default();
        page.init(Kind::Summaries, 7);
        let summaries: Vec<Summary> = (0..shape.summarized())
            .map(|at| Summary {
                block: word() as u32,
                spread: at as f32,
                factors: Factors::new(1.5, at as f32),
                code: (0..shape.code_bytes).map(|_| word() as u8).collect(),
                zones: (0..columns)
                    .map(|_| Zone { least: word(), most: word(), marks: word() })
                    .collect(),
            })
            .collect();
        for summary in &summaries {
            prop_assert!(page.push_summary(&shape, summary));
        }
        prop_assert!(!page.push_summary(&shape, &summaries[0]));
        page.set_mean(&shape, 0, 0.0, Factors::UNCODED, &[]);
        let read = page.summaries(&shape);
        prop_assert_eq!(read.blocks.len(), summaries.len());
        prop_assert!(read.spreads[0] == 0.0 && !read.factors[0].coded());
        for (at, summary) in summaries.iter().enumerate() {
            prop_assert_eq!(read.blocks[at], summary.block);
            prop_assert!((0..columns).all(|column| read.zone(column, at) == summary.zones[column]));
            if at > 0 {
                prop_assert_eq!((read.spreads[at], read.factors[at]), (summary.spread, summary.factors));
                prop_assert_eq!(&read.codes[at * shape.code_bytes..][..shape.code_bytes], &*summary.code);
            }
        }
    }

    #[test]
    fn a_tid_is_its_block_and_offset(block: u32, offset: u16) {
        let tid = graph::layout::Tid::new(block, offset);
        prop_assert_eq!((tid.block(), tid.offset()), (block, offset));
    }
}

/// Rows whose number is 0 modulo 5 stay in all that follows. Many vectors are the same, so that there are chains, of which
/// some go as a whole.
fn vector_of(data: &[Vec<f16>], row: usize) -> &[f16] {
    match row % 7 {
        3 => &data[0],
        2 | 5 => &data[1 + row % 5],
        _ => &data[row % data.len()],
    }
}

/// Checks again and again until `writers` are no more.
fn check_beside<S: PageStore>(writers: &AtomicUsize, index: &Index<S>, data: &[Vec<f16>]) {
    while writers.load(Relaxed) > 0 {
        let (report, rows) = check(index).unwrap();
        assert_eq!(report.problems, [""; 0]);
        for row in (0..150).step_by(5) {
            assert!(rows.binary_search(&tid(row)).is_ok(), "row {row}");
        }
        for row in (0..150).step_by(50) {
            let found = finds(index, vector_of(data, row), tid(row), 40).unwrap();
            assert!(found, "row {row}");
        }
    }
}

#[test]
fn others_at_work_are_no_problem() {
    for seed in 0..2 {
        let data = vectors(400, seed);
        let store = MemStore::new();
        let mut index = Index::create(&store, &parameters(Metric::Cosine)).unwrap();
        for row in 0..150 {
            insert(&mut index, vector_of(&data, row), tid(row)).unwrap();
        }
        store.lie_about_free_pages(seed);
        let writers = AtomicUsize::new(2);
        let (store, data, writers) = (&store, &data, &writers);
        let mut tasks: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        tasks.push(Box::new(move || {
            let mut index = Index::open(store, None).unwrap();
            for row in 150..200 {
                insert(&mut index, vector_of(data, row), tid(row)).unwrap();
            }
            writers.fetch_sub(1, Relaxed);
        }));
        tasks.push(Box::new(move || {
            let mut index = Index::open(store, None).unwrap();
            for round in 1..5 {
                bulk_delete(&mut index, |tid| row(tid) < 150 && row(tid) % 5 == round).unwrap();
                // The heap gives their numbers to other rows.
                for row in (0..150).filter(|row| row % 5 == round) {
                    insert(&mut index, vector_of(data, row + 91 * round), tid(row)).unwrap();
                }
            }
            writers.fetch_sub(1, Relaxed);
        }));
        tasks.push(Box::new(move || {
            check_beside(writers, &Index::open(store, None).unwrap(), data)
        }));
        tasks.push(Box::new(move || {
            check_beside(writers, &Index::open(store.standby(), None).unwrap(), data)
        }));
        interleave(seed, tasks);
        let index = Index::open(store, None).unwrap();
        let report = check(&index).unwrap().0;
        assert_eq!(report.problems, [""; 0], "seed {seed}");
        assert_eq!((report.rows, report.orphans), (200, 0), "seed {seed}");
    }
}

#[test]
fn a_row_is_found_by_its_own_vector() {
    for metric in [Metric::Cosine, Metric::InnerProduct, Metric::L2] {
        let store = MemStore::new();
        let mut index = Index::create(&store, &parameters(metric)).unwrap();
        let mut data = vectors(1500, 1);
        // Lengths apart: by inner product, short ones are nearest to none, themselves included.
        for (row, vector) in data.iter_mut().enumerate() {
            let factor = f16::from_f32(0.1 + (row % 10) as f32);
            vector.iter_mut().for_each(|x| *x *= factor);
        }
        for (row, vector) in data.iter().enumerate() {
            insert(&mut index, vector, tid(row)).unwrap();
        }
        for learned in [false, true] {
            let missed = (0..1500).filter(|&row| !finds(&index, &data[row], tid(row), 64).unwrap());
            assert_eq!(missed.count(), 0, "{metric:?}, {learned}");
            assert!(!finds(&index, &data[7], tid(8), 64).unwrap());
            retrain(&mut index).unwrap();
        }
    }
}
