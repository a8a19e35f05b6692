//! An order in which near nodes are near, by their codes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::basis::Basis;
use crate::error::{Result, filled};
use crate::estimator::{Estimator, Scratch};
use crate::layout::Factors;
use crate::store::PageStore;
use crate::threads::{Threads, in_parallel};
use crate::vectors::swap;

/// Nodes of a cell that the others are brought to. Their number is a byte of a key.
const PIVOTS: usize = 1 << u8::BITS;

/// Numbers by which near nodes come together, of their codes: a node's cell, and the nearest of some nodes in it. `order` has
/// all nodes at random.
pub(crate) fn keys<S: PageStore>(
    store: S,
    basis: &Arc<Basis>,
    (factors, codes): (&[Factors], &[u8]),
    order: &[u32],
    threads: Threads,
) -> Result<Vec<AtomicU16>> {
    let bytes = codes.len() / factors.len().max(1);
    let coded = |node: usize| (factors[node], &codes[node * bytes..][..bytes]);
    let cell = |code: &[u8]| code[bytes - 1];
    let mut pivots = vec![(Vec::new(), Vec::new()); basis.cells()];
    for &node in order {
        let (factors, code) = coded(node as usize);
        let pivots = &mut pivots[usize::from(cell(code))];
        if pivots.0.len() < PIVOTS {
            pivots.0.push(factors);
            pivots.1.extend_from_slice(code);
        }
    }
    for pivots in &mut pivots {
        store.interrupt()?;
        chain(basis, bytes, pivots);
    }
    let keys = filled(order.len(), || AtomicU16::new(0))?;
    let work = |(scratch, estimates): &mut (Scratch, Vec<f32>), node| {
        let (factors, code) = coded(node);
        let (pivot_factors, pivot_codes) = &pivots[usize::from(cell(code))];
        estimates.clear();
        Estimator::of_code(basis, factors, code).estimate(
            pivot_factors,
            pivot_codes,
            scratch,
            estimates,
        );
        let nearest = (0..=u8::MAX)
            .zip(&*estimates)
            .min_by(|a, b| a.1.total_cmp(b.1))
            .map_or(0, |(pivot, _)| pivot);
        let key = u16::from_be_bytes([cell(code), nearest]);
        keys[node].store(key, Ordering::Relaxed);
        Ok(())
    };
    in_parallel(store, threads, 0..order.len(), work, |_| ())?;
    Ok(keys)
}

/// Puts codes of a cell in an order in which each is followed by the nearest of the others.
fn chain(basis: &Arc<Basis>, bytes: usize, codes: &mut (Vec<Factors>, Vec<u8>)) {
    let (mut scratch, mut estimates) = (Scratch::default(), Vec::new());
    for at in 1..codes.0.len() {
        let before = &codes.1[(at - 1) * bytes..][..bytes];
        estimates.clear();
        Estimator::of_code(basis, codes.0[at - 1], before).estimate(
            &codes.0[at..],
            &codes.1[at * bytes..],
            &mut scratch,
            &mut estimates,
        );
        let nearest = (at..)
            .zip(&estimates)
            .min_by(|a, b| a.1.total_cmp(b.1))
            .map_or(at, |(nearest, _)| nearest);
        if nearest > at {
            codes.0.swap(at, nearest);
            swap(&mut codes.1, bytes, at, nearest);
        }
    }
}
