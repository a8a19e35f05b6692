//! What the check finds, and slots of every shape.

mod common;

use common::*;
use half::f16;
use hnsw::check::check;
use hnsw::codes::Metric;
use hnsw::error::Error;
use hnsw::index::Index;
use hnsw::insert::insert;
use hnsw::layout::{Factors, Kind, Page, Pointer, Shape, State};
use hnsw::mem::MemStore;
use proptest::prelude::*;

fn filled(store: &MemStore) -> Index<&MemStore> {
    let mut index = Index::create(store, &parameters(Metric::L2)).unwrap();
    for (row, vector) in vectors(60, 1).iter().enumerate() {
        insert(&mut index, vector, tid(row)).unwrap();
    }
    index
}

/// The problems found after the first page of nodes was changed.
fn problems(change: impl FnOnce(&mut Page, &Shape)) -> Vec<String> {
    let store = MemStore::new();
    let index = filled(&store);
    assert_eq!(check(&index).unwrap().0.problems, [""; 0]);
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
    let found = problems(|page, _| page.init(Kind::Meta, 0));
    assert!(
        found.iter().any(|text| text.contains("meta page")),
        "{found:?}"
    );
}

#[test]
fn a_page_that_was_never_written_is_no_problem() {
    let store = MemStore::new();
    let index = filled(&store);
    let (_, page) = hnsw::store::PageStore::extend(&store).unwrap();
    drop(page);
    assert_eq!(check(&index).unwrap().0.problems, [""; 0]);
}

#[test]
fn m_has_a_range() {
    for m in [0, 1, 101] {
        assert!(matches!(
            Shape::new(512, m),
            Err(Error::Parameter { name: "m", .. })
        ));
    }
}

proptest! {
    /// What is written to the parts of a slot is read back from all of them, and neighbouring slots
    /// stay as they are.
    #[test]
    fn slots_hold_what_they_are_given(dims in 1_usize..3_000, m in 2_usize..=100) {
        let Ok(shape) = Shape::new(dims, m) else {
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
        }
        for number in 0..shape.slots {
            let slot = page.slot(&shape, number);
            prop_assert_eq!(slot.state(), State::Live);
            prop_assert_eq!(slot.header().norm_squared, number as f32);
            prop_assert_eq!(slot.vector(), &vector);
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

    #[test]
    fn a_tid_is_its_block_and_offset(block: u32, offset: u16) {
        let tid = hnsw::layout::Tid::new(block, offset);
        prop_assert_eq!((tid.block(), tid.offset()), (block, offset));
    }
}
