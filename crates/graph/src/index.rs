//! An index: its meta page, the basis of its codes, and the slots that insertion takes.

use std::sync::Arc;

use half::f16;

use crate::basis::{Basis, Code};
use crate::error::{Error, Result};
use crate::layout::{
    CHAIN_BYTES, Kind, LeftOut, Meta, PAGE_BYTES, Page, Pointer, Shape, Slot, SlotMut, State,
};
use crate::query::Query;
use crate::space::{Metric, Space};
use crate::store::{PageStore, Write};

/// What an index is created with.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    /// What a distance is.
    pub metric: Metric,
    /// Dimensions of the vectors.
    pub dims: usize,
    /// Half the number of edges of a node: 2 to 100.
    pub m: usize,
    /// Candidates among which an insertion chooses its edges: 4 to 1000.
    pub ef_construction: usize,
    /// Further columns: 0 to 8.
    pub columns: usize,
}

impl Parameters {
    /// Checks the ranges.
    pub(crate) fn shape(&self) -> Result<Shape> {
        if !(4..=1000).contains(&self.ef_construction) {
            return Err(Error::Parameter {
                name: "ef_construction",
                value: self.ef_construction,
                min: 4,
                max: 1000,
            });
        }
        Shape::new(self.dims, self.m, self.columns)
    }

    pub(crate) fn meta(&self, shape: &Shape) -> Meta {
        Meta {
            dims: self.dims as u16,
            m: self.m as u16,
            ef_construction: self.ef_construction as u16,
            metric: self.metric as u8,
            slots: shape.slots as u8,
            code_bytes: shape.code_bytes as u16,
            columns: shape.columns as u16,
            ..bytemuck::Zeroable::zeroed()
        }
    }
}

/// An index in a store, as its meta page was when it was last read.
pub struct Index<S: PageStore> {
    pub(crate) store: S,
    pub(crate) shape: Shape,
    pub(crate) metric: Metric,
    pub(crate) meta: Meta,
    pub(crate) basis: Option<Arc<Basis>>,
}

impl<S: PageStore> Index<S> {
    /// Writes the first page of an index without nodes and opens it. The store is empty.
    ///
    /// # Errors
    /// When a parameter is outside its range or a node does not fit a page.
    pub fn create(store: S, parameters: &Parameters) -> Result<Self> {
        let shape = parameters.shape()?;
        let (_, mut page) = store.extend()?;
        page.init(Kind::Meta, 0);
        *page.meta_mut() = parameters.meta(&shape);
        page.commit()?;
        Self::open(store, None)
    }

    /// Opens an index. `basis` is one kept from an earlier time, of whatever index: it spares reading the
    /// one in use where it is the same.
    ///
    /// # Errors
    /// When the first page is not of this kind of index or of another version.
    pub fn open(store: S, basis: Option<Arc<Basis>>) -> Result<Self> {
        const { assert!(S::PAGE_BYTES == PAGE_BYTES, "pages of another size") };
        let meta = *store.read(0)?.meta()?;
        let metric = Metric::from_number(meta.metric)
            .ok_or_else(|| Error::corrupt(0, format!("unknown metric {}", meta.metric)))?;
        let [dims, m, columns] = [meta.dims, meta.m, meta.columns].map(usize::from);
        let shape = Shape::new(dims, m, columns)?;
        if shape.slots != usize::from(meta.slots)
            || shape.code_bytes != usize::from(meta.code_bytes)
        {
            return Err(Error::corrupt(0, "layout does not follow from dimensions"));
        }
        let mut index = Self {
            store,
            shape,
            metric,
            meta,
            basis,
        };
        index.load_basis()?;
        Ok(index)
    }

    /// Reads the meta page again, and the basis if another one is in use.
    pub fn refresh(&mut self) -> Result<()> {
        self.meta = *self.store.read(0)?.meta()?;
        self.load_basis()
    }

    fn load_basis(&mut self) -> Result<()> {
        // A new basis may replace the one that the meta page named while this reads it: its pages then
        // are of another kind or epoch, and the meta page names the new one.
        while !self.has_its_basis() {
            let Meta { epoch, basis, .. } = self.meta;
            self.basis = match epoch {
                0 => None,
                _ => self.read_basis()?.map(Arc::new),
            };
            if self.has_its_basis() {
                break;
            }
            self.meta = *self.store.read(0)?.meta()?;
            if self.meta.epoch == epoch {
                return Err(Error::corrupt(
                    basis,
                    "no basis of codes here, or a wrong one",
                ));
            }
        }
        Ok(())
    }

    /// Whether the basis in memory is the one that the meta page names.
    fn has_its_basis(&self) -> bool {
        let basis = self.basis.as_ref();
        basis.map_or((0, 0), |basis| (basis.epoch(), basis.hash()))
            == (self.meta.epoch, self.meta.basis_hash)
    }

    fn read_basis(&self) -> Result<Option<Basis>> {
        let mut bytes = Vec::new();
        let (mut block, mut steps) = (self.meta.basis, Steps::default());
        while block != 0 {
            self.store.interrupt()?;
            steps.take(self, block)?;
            let page = self.store.read(block)?;
            if page.kind(block)? != Kind::Basis || page.epoch() != self.meta.epoch {
                return Ok(None);
            }
            bytes.extend_from_slice(page.chunk());
            block = page.next();
        }
        let (shape, epoch) = (&self.shape, self.meta.epoch);
        Basis::from_bytes(self.metric, shape, epoch, self.meta.basis, &bytes).map(Some)
    }

    /// Writes a basis and returns its first page, the last to be written.
    pub(crate) fn write_basis(&self, basis: &Basis) -> Result<u32> {
        let mut next = 0;
        for chunk in basis.to_bytes().chunks(CHAIN_BYTES).rev() {
            self.store.interrupt()?;
            let (block, mut page) = self.extend()?;
            page.init(Kind::Basis, basis.epoch());
            page.set_next(next);
            page.set_chunk(chunk);
            page.commit()?;
            next = block;
        }
        Ok(next)
    }

    /// Makes a page of a basis or entry tree that is out of use one of free slots.
    pub(crate) fn discard(&self, block: u32) -> Result<()> {
        let mut page = self.store.write(block)?;
        page.init(Kind::Nodes, 0);
        page.commit()?;
        self.store.note_free(block)
    }

    /// The contents of the meta page when it was last read.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Where things are on its pages.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// What turns vectors into codes, for [`open`](Self::open) to use again.
    pub fn basis(&self) -> Option<&Arc<Basis>> {
        self.basis.as_ref()
    }

    /// A query for neighbours of `vector`; for any at all where it has no distance from others.
    ///
    /// # Errors
    /// When it has another number of dimensions than the index.
    pub fn query(&self, vector: &[f16]) -> Result<Query> {
        self.check_dimensions(vector)?;
        if !self.takes(vector) {
            return self.query_for_any();
        }
        Ok(Query::new(self.metric, vector, self.basis.as_ref()))
    }

    /// Checks that a vector has the index's dimensions.
    ///
    /// # Errors
    /// When it has others.
    pub fn check_dimensions(&self, vector: &[f16]) -> Result<()> {
        if vector.len() == self.shape.dims {
            return Ok(());
        }
        Err(Error::Dimensions {
            expected: self.shape.dims,
            found: vector.len(),
        })
    }

    /// A query for the neighbours of a node with this vector, of the index's dimensions.
    pub(crate) fn node_query(&self, vector: &[f16]) -> Query {
        Query::of_node(self.space(), vector, self.basis.as_ref())
    }

    /// Where its vectors lie.
    pub(crate) fn space(&self) -> Space {
        let basis = self.basis.as_ref();
        basis.map_or(Space::unknown(self.metric), |basis| basis.space())
    }

    /// A query where every order is right: that of a vector which has a distance from all others.
    ///
    /// # Errors
    /// As for [`query`](Self::query).
    pub fn query_for_any(&self) -> Result<Query> {
        self.query(&vec![f16::ONE; self.shape.dims])
    }

    /// [`Metric::takes`] by the index's metric.
    pub fn takes(&self, vector: &[f16]) -> bool {
        self.metric.takes(vector)
    }

    /// Counts what a scan has left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count_left_out(&self, more: LeftOut) -> Result<()> {
        self.store.hint(0, |page| {
            page.count_left_out(more);
            true
        })
    }

    /// What a distance is.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The code of a vector, while there is a basis.
    pub(crate) fn encode(&self, vector: &[f16], norm_squared: f32) -> Option<Code> {
        self.basis
            .as_ref()
            .map(|basis| basis.encode(vector, norm_squared))
    }

    /// The epoch of the basis in use, 0 for none.
    pub(crate) fn epoch(&self) -> u16 {
        self.basis.as_ref().map_or(0, |basis| basis.epoch())
    }

    /// Reads every slot that there is, whatever it holds, in the order of the pages and each under its page's lock.
    ///
    /// # Errors
    /// When the store fails or asks to stop, and those of `read`.
    pub(crate) fn each_slot(
        &self,
        mut read: impl FnMut(Pointer, &Slot<'_>) -> Result<()>,
    ) -> Result<()> {
        for block in 1..self.store.blocks()? {
            self.store.interrupt()?;
            let page = self.store.read(block)?;
            if !page.has_slots() {
                continue;
            }
            for number in 0..self.shape.slots {
                let slot = page.slot(&self.shape, number);
                let at = Pointer::new(self.shape.id(block, number)?, slot.header().version);
                read(at, &slot)?;
            }
        }
        Ok(())
    }

    /// Reads the slot `id` under its page's lock. `None` where there is no such slot.
    ///
    /// # Errors
    /// When the store fails or asks to stop.
    #[inline]
    pub(crate) fn with_slot<T>(
        &self,
        id: u32,
        read: impl FnOnce(&Slot<'_>) -> T,
    ) -> Result<Option<T>> {
        self.store.interrupt()?;
        let (block, number) = self.shape.place(id);
        let page = self.store.read(block)?;
        if !page.has_slots() {
            return Ok(None);
        }
        Ok(Some(read(&page.slot(&self.shape, number))))
    }

    /// Reads the node that `at` points to under its page's lock. `None` where it is gone.
    ///
    /// # Errors
    /// When the store fails or asks to stop.
    #[inline]
    pub(crate) fn with_node<T>(
        &self,
        at: Pointer,
        read: impl FnOnce(&Slot<'_>) -> T,
    ) -> Result<Option<T>> {
        let read = |slot: &Slot<'_>| slot.is_node(at.version).then(|| read(slot));
        Ok(self.with_slot(at.id, read)?.flatten())
    }

    /// [`with_node`](Self::with_node) for nodes that have rows.
    ///
    /// # Errors
    /// When the store fails or asks to stop.
    #[inline]
    pub(crate) fn with_live<T>(
        &self,
        at: Pointer,
        read: impl FnOnce(&Slot<'_>) -> T,
    ) -> Result<Option<T>> {
        let read = |slot: &Slot<'_>| slot.is_live(at.version).then(|| read(slot));
        Ok(self.with_slot(at.id, read)?.flatten())
    }

    /// Changes the slot `id` under its page's lock, and logs that if `change` says so. Returns what it says; false where
    /// there is no such slot.
    ///
    /// # Errors
    /// When the store fails or asks to stop.
    pub(crate) fn change_slot(
        &self,
        id: u32,
        change: impl FnOnce(&mut SlotMut<'_>) -> bool,
    ) -> Result<bool> {
        self.store.interrupt()?;
        let (block, number) = self.shape.place(id);
        let mut page = self.store.write(block)?;
        let changed = page.has_slots() && change(&mut page.slot_mut(&self.shape, number));
        if changed {
            page.commit()?;
        }
        Ok(changed)
    }

    /// Fills a free slot by `fill`, which leaves it in another state. One record.
    pub(crate) fn allocate(&self, fill: impl Fn(SlotMut<'_>)) -> Result<Pointer> {
        while let Some(block) = self.store.free_page()? {
            // Nobody may believe the free-space map: the page may be in use, or of another kind.
            if block == 0 || block >= self.store.blocks()? {
                continue;
            }
            let mut page = self.store.write(block)?;
            match page.kind(block)? {
                Kind::New => page.init(Kind::Nodes, 0),
                Kind::Nodes => {}
                Kind::Meta
                | Kind::Basis
                | Kind::Root
                | Kind::Leaf
                | Kind::Directory
                | Kind::Summaries => continue,
            }
            if let Some(slot) = self.free_slot(&page, 0) {
                return self.fill(block, page, slot, fill);
            }
        }
        let (block, mut page) = self.extend()?;
        page.init(Kind::Nodes, 0);
        self.fill(block, page, 0, fill)
    }

    /// Adds a page that nobody else has written to.
    pub(crate) fn extend(&self) -> Result<(u32, S::Write)> {
        loop {
            let (block, page) = self.store.extend()?;
            if page.kind(block)? == Kind::New {
                return Ok((block, page));
            }
            // Another process found it in the free-space map, where vacuum had put it, before this one
            // had it locked.
            drop(page);
            self.store.note_free(block)?;
        }
    }

    fn free_slot(&self, page: &Page, from: usize) -> Option<usize> {
        (from..self.shape.slots).find(|&slot| page.slot(&self.shape, slot).state() == State::Free)
    }

    fn fill(
        &self,
        block: u32,
        mut page: S::Write,
        slot: usize,
        fill: impl Fn(SlotMut<'_>),
    ) -> Result<Pointer> {
        let id = self.shape.id(block, slot)?;
        fill(page.slot_mut(&self.shape, slot));
        let version = page.slot(&self.shape, slot).header().version;
        let more = self.free_slot(&page, slot + 1).is_some();
        page.commit()?;
        if more {
            self.store.note_free(block)?;
        }
        Ok(Pointer::new(id, version))
    }

    /// Changes the meta page if `change` says so, and keeps what is on it then.
    pub(crate) fn change_meta(&mut self, change: impl FnOnce(&mut Meta) -> bool) -> Result<()> {
        let mut page = self.store.write(0)?;
        page.meta()?;
        if change(page.meta_mut()) {
            self.meta = *page.meta_mut();
            page.commit()?;
        } else {
            self.meta = *page.meta_mut();
        }
        Ok(())
    }
}

/// Steps along a chain of pages or slots, of which there are no more than slots in the index: a damaged one may have
/// no end.
#[derive(Default)]
pub(crate) struct Steps(u64);

impl Steps {
    /// Steps between looks at how large the index is, which is a question to the system.
    const PATIENCE: u64 = 1024;

    /// One step more, to what is on `block`.
    pub(crate) fn take<S: PageStore>(&mut self, index: &Index<S>, block: u32) -> Result<()> {
        self.0 += 1;
        if self.0.is_multiple_of(Self::PATIENCE)
            && self.0 > u64::from(index.store.blocks()?) * index.shape.slots as u64
        {
            return Err(Error::corrupt(
                block,
                "a chain through this page has no end",
            ));
        }
        Ok(())
    }
}
