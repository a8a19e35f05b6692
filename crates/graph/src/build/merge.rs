//! Nodes that were put aside, staged for their pages, and where searches of them begin.

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use crate::basis::Code;
use crate::directory;
use crate::entries::SAMPLED;
use crate::error::Result;
use crate::layout::{INLINE_TIDS, Pointer, Tid};
use crate::random::Random;
use crate::sort::RankedNode;
use crate::spool::Records;
use crate::store::PageStore;

use super::collect::{COPIES, Row, filter_words};
use super::divide::Division;
use super::number::{Numbered, code};
use super::part::Lists;
use super::write::{Source, Staged};

/// Records that are read at a time.
const AHEAD: u64 = 256;

/// Records asked for in their order.
#[derive(Default)]
struct Ahead {
    /// The first of those that are there.
    first: u64,
    records: Vec<u32>,
}

impl Ahead {
    fn get(&mut self, of: &mut Records, number: u64) -> Result<&[u32]> {
        let words = of.words();
        let there = self.first..self.first + (self.records.len() / words) as u64;
        if !there.contains(&number) {
            self.first = number;
            let count = AHEAD.min(of.count() - number) as usize;
            self.records.resize(count * words, 0);
            of.read(number, &mut self.records)?;
        }
        Ok(&self.records[(number - self.first) as usize * words..][..words])
    }
}

/// What was put aside of a build.
pub(crate) struct Parts<'d, S: PageStore> {
    division: &'d Division<S>,
    numbered: Numbered,
    lists: Lists,
    /// Parts whose lists were read.
    read: usize,
    /// Of the last one of them: its nodes,
    nodes: std::ops::Range<u32>,
    /// their neighbours, as many words for each as a list has,
    neighbours: Vec<u32>,
    /// and where in `codes` theirs are.
    places: FxHashMap<u32, u32>,
    codes: Vec<u32>,
    vectors: Ahead,
    rows: Ahead,
    own_codes: Ahead,
    /// The next of the rows that are not the first of their nodes.
    next: Option<(u32, Tid)>,
    /// Rows that do not fit their nodes, in order, and how many of them were taken.
    rest: Option<Records>,
    taken: u64,
}

impl<'d, S: PageStore> Parts<'d, S> {
    pub(crate) fn new(division: &'d Division<S>, numbered: Numbered, lists: Lists) -> Result<Self> {
        let mut parts = Self {
            division,
            numbered,
            lists,
            read: 0,
            nodes: 0..0,
            neighbours: Vec::new(),
            places: FxHashMap::default(),
            codes: Vec::new(),
            vectors: Ahead::default(),
            rows: Ahead::default(),
            own_codes: Ahead::default(),
            next: None,
            rest: None,
            taken: 0,
        };
        parts.next = parts.next_row()?;
        Ok(parts)
    }

    fn next_row(&mut self) -> Result<Option<(u32, Tid)>> {
        let more = self.numbered.more.as_mut();
        let row = more.map_or(Ok(None), |more| more.take())?;
        Ok(row.map(RankedNode::to_row))
    }

    /// Reads the lists of the next part, and the codes of all neighbours.
    fn next_part(&mut self) -> Result<()> {
        let shape = self.division.shape;
        let part = &self.numbered.parts[self.read];
        self.nodes = part.first..part.first + part.nodes;
        let words = 1 + shape.degree;
        self.neighbours.clear();
        self.neighbours.resize(part.nodes as usize * words, 0);
        let (first, neighbours) = (part.first, &mut self.neighbours);
        self.division
            .each_chunk(&mut self.lists.done[self.read], |records| {
                for record in records.chunks_exact(1 + words) {
                    let at = (record[0] - first) as usize;
                    neighbours[at * words..][..words].copy_from_slice(&record[1..]);
                }
                Ok(true)
            })?;
        self.places.clear();
        for list in self.neighbours.chunks_exact(words) {
            for &number in &list[1..][..list[0] as usize] {
                self.places.insert(number, 0);
            }
        }
        for number in self.nodes.clone() {
            self.places.insert(number, 0);
        }
        let mut needed: Vec<u32> = self.places.keys().copied().collect();
        needed.sort_unstable();
        let words = self.numbered.codes.words();
        self.codes.clear();
        self.codes.resize(needed.len() * words, 0);
        for (place, (&number, code)) in needed
            .iter()
            .zip(self.codes.chunks_exact_mut(words))
            .enumerate()
        {
            if place.is_multiple_of(self.division.plan.chunk) {
                self.division.store.interrupt()?;
            }
            self.numbered.codes.read(number.into(), code)?;
            self.places.insert(number, place as u32);
        }
        self.read += 1;
        Ok(())
    }

    /// The nodes that searches begin at, with their codes: some of all, and those that no edges lead to from there.
    pub(crate) fn entries(
        &mut self,
        place: impl Fn(usize) -> Result<Pointer>,
    ) -> Result<Vec<(Pointer, Code)>> {
        let nodes = self.numbered.nodes() as u32;
        let mut random = Random::new(nodes.into());
        let mut entries = Vec::new();
        for start in (0..nodes).step_by(SAMPLED) {
            entries.push(start + random.below(SAMPLED.min((nodes - start) as usize)) as u32);
        }
        self.add_lost(&mut entries)?;
        // The first is where a search begins when the others are gone.
        random.shuffle(&mut entries);
        let shape = self.division.shape;
        let mut record = vec![0; self.numbered.codes.words()];
        let mut coded = Vec::new();
        coded.try_reserve_exact(entries.len())?;
        for (done, entry) in entries.into_iter().enumerate() {
            if done.is_multiple_of(self.division.plan.chunk) {
                self.division.store.interrupt()?;
            }
            self.numbered.codes.read(entry.into(), &mut record)?;
            let (factors, bytes) = code(&shape, &record);
            let code = Code {
                factors,
                bytes: bytes.into(),
            };
            coded.push((place(entry as usize)?, code));
        }
        Ok(coded)
    }

    /// Adds the nodes to which no edges lead, from those that are there or were added.
    fn add_lost(&mut self, entries: &mut Vec<u32>) -> Result<()> {
        let nodes = self.numbered.nodes() as usize;
        let mut reached = FixedBitSet::with_capacity(nodes);
        let mut followed = FixedBitSet::with_capacity(nodes);
        reached.extend(entries.iter().map(|&entry| entry as usize));
        let words = 2 + self.division.shape.degree;
        // Islands are found by few of their nodes, if these are not too few.
        let mut at_once = 16;
        loop {
            let mut more = true;
            while more {
                more = false;
                for lists in &mut self.lists.done {
                    self.division.each_chunk(lists, |records| {
                        for record in records.chunks_exact(words) {
                            let node = record[0] as usize;
                            if !reached.contains(node) || followed.put(node) {
                                continue;
                            }
                            for &to in &record[2..][..record[1] as usize] {
                                more |= !reached.put(to as usize);
                            }
                        }
                        Ok(true)
                    })?;
                }
            }
            let lost: Vec<usize> = reached.zeroes().take(at_once).collect();
            if lost.is_empty() {
                return Ok(());
            }
            at_once *= 2;
            entries.extend(lost.iter().map(|&node| node as u32));
            reached.extend(lost);
        }
    }

    /// Gives back what was put aside.
    pub(crate) fn close(self) {
        let Numbered {
            parts,
            vectors,
            codes,
            rows,
            more,
        } = self.numbered;
        let told = parts.into_iter().map(|part| part.told);
        let records = told.chain([vectors, codes, rows]).chain(self.lists.done);
        records.chain(self.rest).for_each(Records::close);
        if let Some(more) = more {
            more.close();
        }
    }
}

impl<S: PageStore> Source for Parts<'_, S> {
    fn nodes(&self) -> usize {
        self.numbered.nodes() as usize
    }

    fn stage(&mut self, node: usize, staged: &mut Staged) -> Result<()> {
        let shape = self.division.shape;
        let number = node as u32;
        while !self.nodes.contains(&number) {
            self.next_part()?;
        }
        let record = self
            .vectors
            .get(&mut self.numbered.vectors, number.into())?;
        let vector = Row::vector(&shape, record);
        staged.vector.clear();
        staged.vector.extend_from_slice(vector);
        staged.norm_squared = kernels::norm_squared(vector);
        let words = self.numbered.codes.words();
        let coded = |number: u32| {
            let place = self.places.get(&number).map_or(0, |&place| place as usize);
            code(&shape, &self.codes[place * words..])
        };
        let (factors, own) = coded(number);
        staged.own = Some((factors, own.to_vec()));
        let at_list = (number - self.nodes.start) as usize * (1 + shape.degree);
        let list = &self.neighbours[at_list..][..1 + shape.degree];
        staged.edges.clear();
        staged.factors.clear();
        staged.codes.clear();
        for &edge in &list[1..][..list[0] as usize] {
            let (factors, code) = coded(edge);
            staged.edges.push(edge);
            staged.factors.push(factors);
            staged.codes.extend_from_slice(code);
        }
        staged.tids.clear();
        let row = self.rows.get(&mut self.numbered.rows, number.into())?;
        staged.words.clear();
        staged.words.extend(filter_words(&row[2 + COPIES..]));
        staged.tids.push(Tid::new(row[0], row[1] as u16));
        staged.others = 0;
        while let Some((owner, tid)) = self.next {
            if owner != number {
                break;
            }
            self.next = self.next_row()?;
            if staged.tids.len() < INLINE_TIDS {
                staged.tids.push(tid);
                continue;
            }
            staged.others += 1;
            let rest = match &mut self.rest {
                Some(rest) => rest,
                None => self
                    .rest
                    .insert(Records::new(self.division.store.spool()?, 3)),
            };
            rest.write(&[owner, tid.block(), tid.offset().into()])?;
        }
        Ok(())
    }

    fn other(&mut self) -> Result<Option<(u32, Tid)>> {
        let Some(rest) = self.rest.as_mut().filter(|rest| self.taken < rest.count()) else {
            return Ok(None);
        };
        let mut record = [0; 3];
        rest.read(self.taken, &mut record)?;
        self.taken += 1;
        Ok(Some((record[0], Tid::new(record[1], record[2] as u16))))
    }

    fn list(&mut self, node: usize, entry: &mut directory::Entry) -> Result<()> {
        let row = self.rows.get(&mut self.numbered.rows, node as u64)?;
        entry.words.clear();
        entry.words.extend(filter_words(&row[2 + COPIES..]));
        let record = self.own_codes.get(&mut self.numbered.codes, node as u64)?;
        let (factors, own) = code(&self.division.shape, record);
        entry.factors = factors;
        entry.code.clear();
        entry.code.extend_from_slice(own);
        Ok(())
    }
}
