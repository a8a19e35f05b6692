//! The graph of each part, and lists of neighbours from several of them made one.
//!
//! A node is in one part or several. The graph of the part that comes first tells the next one what it has found:
//! neighbours with their distances. There it is known how far these are from those found there, where they are in that
//! part as well; others lie on different sides of the node, and are taken to be far from each other.

use std::sync::{Arc, Mutex, PoisonError};

use crate::arena::Arena;
use crate::basis::Basis;
use crate::error::{Error, Result, filled};
use crate::layout::{Factors, Shape};
use crate::select::select;
use crate::spool::Records;
use crate::store::PageStore;
use crate::threads::in_parallel;
use crate::vectors::Vectors;

use super::batch::Batch;
use super::collect::{COPIES, Row};
use super::divide::Division;
use super::number::{NOWHERE, Numbered, Part, Told, code, parts};

/// Neighbours of all nodes, put aside.
pub(crate) struct Lists {
    /// Lists that are done, by the parts whose own the nodes are: records of a number, how many neighbours there are, and
    /// these.
    pub(crate) done: Vec<Records>,
    /// Those that a part is to go on with, by that part: the distances of the neighbours follow.
    open: Vec<Option<Records>>,
}

impl Lists {
    /// Takes the list of a node, which another part goes on with, or none.
    fn take<S: PageStore>(
        &mut self,
        store: S,
        members: &Members,
        node: usize,
        record: &[u32],
    ) -> Result<()> {
        let Some(other) = members.tells(node) else {
            let owner = members.parts[node][0] as usize;
            return self.done[owner].write(&record[..list_words(&members.arena.shape)]);
        };
        let open = match &mut self.open[other as usize] {
            Some(open) => open,
            none => none.insert(Records::new(store.spool()?, record.len())),
        };
        open.write(record)
    }
}

/// Words of a list.
fn list_words(shape: &Shape) -> usize {
    2 + shape.degree
}

/// Words of a list that is not done: the distances follow.
fn open_words(shape: &Shape) -> usize {
    2 + 2 * shape.degree
}

/// A part's nodes in memory.
struct Members {
    part: u32,
    arena: Arena,
    /// Their numbers.
    numbers: Vec<u32>,
    /// The parts that they are in, their own first.
    parts: Vec<[u32; COPIES]>,
    /// Numbers and places, in order.
    places: Vec<(u32, u32)>,
}

/// A neighbour: its distance, its number, and where it is if it is in this part.
type Near = (f32, u32, Option<u32>);

impl Members {
    fn place(&self, number: u32) -> Option<u32> {
        let at = self.places.binary_search_by_key(&number, |place| place.0);
        Some(self.places[at.ok()?].1)
    }

    /// Whether a part that came before has told this one of a node's neighbours.
    fn was_told(&self, node: usize) -> bool {
        self.parts[node].iter().any(|&other| other < self.part)
    }

    /// The part to tell of them.
    fn tells(&self, node: usize) -> Option<u32> {
        let others = self.parts[node].iter().copied();
        others
            .filter(|&other| other > self.part && other != NOWHERE)
            .min()
    }

    /// The neighbours of a node in this part's graph.
    fn neighbours(&self, node: usize) -> Vec<Near> {
        let edges = self.arena.edges(node);
        edges
            .map(|edge| {
                let distance = self.arena.between(node as u32, edge) as f32;
                (distance, self.numbers[edge as usize], Some(edge))
            })
            .collect()
    }

    /// Those that this graph and the ones before have found, of which the heuristic chooses.
    fn join(&self, node: usize, open: &[u32], degree: usize) -> Vec<Near> {
        let mut near = self.neighbours(node);
        let (edges, distances) = open[2..].split_at(degree);
        let found = edges.iter().zip(distances).take(open[1] as usize);
        for (&number, &distance) in found {
            if near.iter().all(|other| other.1 != number) {
                near.push((f32::from_bits(distance), number, self.place(number)));
            }
        }
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        let distances: Vec<f64> = near.iter().map(|near| f64::from(near.0)).collect();
        let chosen = select(&distances, degree, |i, j| match (near[i].2, near[j].2) {
            (Some(a), Some(b)) => self.arena.between(a, b),
            _ => f64::INFINITY,
        });
        chosen.positions.into_iter().map(|i| near[i]).collect()
    }

    /// Makes a record of a node's neighbours.
    fn put(&self, record: &mut [u32], node: usize, near: &[Near]) {
        let degree = self.arena.shape.degree;
        record[0] = self.numbers[node];
        record[1] = near.len() as u32;
        for (place, (distance, number, _)) in near.iter().enumerate() {
            record[2 + place] = *number;
            record[2 + degree + place] = distance.to_bits();
        }
    }
}

/// Links the nodes of all parts, with `ef` candidates for each one's neighbours in a part. `progress` is told how many
/// are done.
pub(crate) fn link<S: PageStore>(
    division: &Division<S>,
    basis: &Arc<Basis>,
    numbered: &mut Numbered,
    ef: usize,
    mut progress: impl FnMut(u64),
) -> Result<Lists> {
    let (store, shape) = (division.store, division.shape);
    let (words, degree) = (open_words(&shape), shape.degree);
    let mut lists = Lists {
        done: Vec::with_capacity(numbered.parts.len()),
        open: Vec::with_capacity(numbered.parts.len()),
    };
    for _ in &numbered.parts {
        let records = Records::new(store.spool()?, list_words(&shape));
        lists.done.push(records);
        lists.open.push(None);
    }
    for part in 0..numbered.parts.len() {
        let Part { first, nodes, .. } = numbered.parts[part];
        let (first, own) = (u64::from(first), u64::from(nodes));
        let members = graph(division, basis, numbered, part, ef, |added, of| {
            progress(first + own * added as u64 / of.max(1) as u64);
        })?;
        let nodes = members.numbers.len();
        for start in (0..nodes).step_by(division.plan.chunk) {
            store.interrupt()?;
            let count = division.plan.chunk.min(nodes - start);
            let found = made(division, count, words, |at, record| {
                let node = start + at;
                if !members.was_told(node) {
                    members.put(record, node, &members.neighbours(node));
                }
            })?;
            for (node, record) in (start..).zip(found.chunks_exact(words)) {
                if !members.was_told(node) {
                    lists.take(store, &members, node, record)?;
                }
            }
        }
        let Some(mut told) = lists.open[part].take() else {
            continue;
        };
        division.each_chunk(&mut told, |records| {
            let place = |record: &[u32]| {
                let gone = || Error::Store("a node put aside is gone".into());
                Ok::<_, Error>(members.place(record[0]).ok_or_else(gone)? as usize)
            };
            let places = records.chunks_exact(words).map(place);
            let places = places.collect::<Result<Vec<usize>>>()?;
            let joined = made(division, places.len(), words, |at, record| {
                let told = &records[at * words..][..words];
                let chosen = members.join(places[at], told, degree);
                members.put(record, places[at], &chosen);
            })?;
            for (&node, record) in places.iter().zip(joined.chunks_exact(words)) {
                lists.take(store, &members, node, record)?;
            }
            Ok(true)
        })?;
        told.close();
    }
    Ok(lists)
}

/// So many records of zeros filled in by threads.
fn made<S: PageStore>(
    division: &Division<S>,
    count: usize,
    words: usize,
    fill: impl Fn(usize, &mut [u32]) + Sync,
) -> Result<Vec<u32>> {
    let mut records = filled(count * words, || 0)?;
    let slots: Vec<_> = records.chunks_exact_mut(words).map(Mutex::new).collect();
    let work = |(): &mut (), at: usize| {
        // Nobody else asks for it: each is worked on once.
        let mut record = slots[at].lock().unwrap_or_else(PoisonError::into_inner);
        fill(at, &mut record);
        Ok(())
    };
    in_parallel(division.store, division.threads, 0..count, work, |_| ())?;
    drop(slots);
    Ok(records)
}

/// The graph of a part: its own nodes and those told to it.
fn graph<S: PageStore>(
    division: &Division<S>,
    basis: &Arc<Basis>,
    numbered: &mut Numbered,
    part: usize,
    ef: usize,
    mut progress: impl FnMut(usize, usize),
) -> Result<Members> {
    let (store, shape, threads) = (division.store, division.shape, division.threads);
    let (first, own) = (
        numbered.parts[part].first,
        numbered.parts[part].nodes as usize,
    );
    let nodes = own + numbered.parts[part].told.count() as usize;
    let mut batch = Batch::new(shape, Vectors::with_capacity(&shape, nodes)?);
    batch.factors.try_reserve_exact(nodes)?;
    batch.codes.try_reserve_exact(nodes * shape.code_bytes)?;
    let mut numbers: Vec<u32> = filled(nodes, || 0)?;
    let mut copies: Vec<[u32; COPIES]> = filled(nodes, || [NOWHERE; COPIES])?;

    let chunk = division.plan.chunk;
    let (mut vectors, mut codes, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let push = |batch: &mut Batch, vector: &[u32], (factors, code): (Factors, &[u8])| {
        let vector = Row::vector(&shape, vector);
        batch.factors.push(factors);
        batch.codes.extend_from_slice(code);
        batch.vectors.push(vector, kernels::norm_squared(vector))
    };
    for start in (0..own).step_by(chunk) {
        store.interrupt()?;
        let count = chunk.min(own - start);
        let from = u64::from(first) + start as u64;
        for (records, into) in [
            (&mut numbered.vectors, &mut vectors),
            (&mut numbered.codes, &mut codes),
            (&mut numbered.rows, &mut rows),
        ] {
            into.resize(count * records.words(), 0);
            records.read(from, into)?;
        }
        for at in 0..count {
            let vector = &vectors[at * numbered.vectors.words()..];
            let code = code(&shape, &codes[at * numbered.codes.words()..]);
            push(&mut batch, vector, code)?;
            numbers[start + at] = first + (start + at) as u32;
            copies[start + at] = parts(&rows[at * numbered.rows.words() + 2..]);
        }
    }
    drop((vectors, codes, rows));
    let mut at = own;
    let told = &mut numbered.parts[part].told;
    let words = told.words();
    division.each_chunk(told, |records| {
        for record in records.chunks_exact(words) {
            let told = Told::of(&shape, record);
            push(&mut batch, told.vector, told.code)?;
            (numbers[at], copies[at]) = (told.number, told.parts);
            at += 1;
        }
        Ok(true)
    })?;
    let mut order = batch.shuffled()?;
    batch.arrange(store, basis, &order, threads, |a, b| {
        numbers.swap(a, b);
        copies.swap(a, b);
    })?;
    let arena = batch.link(store, basis, &mut order, ef, threads, |added| {
        progress(added, nodes)
    })?;
    let mut places: Vec<(u32, u32)> = (0..)
        .zip(&numbers)
        .map(|(place, &number)| (number, place))
        .collect();
    places.sort_unstable();
    Ok(Members {
        part: part as u32,
        arena,
        numbers,
        parts: copies,
        places,
    })
}
