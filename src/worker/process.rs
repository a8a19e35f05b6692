//! The worker process: embeds what waits in the seats.
//!
//! It takes the oldest request and all others for the same tower that are there, up to `clip_pg.batch_size`, runs the
//! model on them and looks again. So a batch grows while another one runs, and never waits for company otherwise.
//!
//! Invariant: a request that was taken is answered. However the process ends short of a crash, clients are told in a
//! callback; after a crash the server starts every process anew, with fresh shared memory.

use super::{
    Error, payload_bytes,
    shared::{Kind, Phase, Shared, fixed, text},
};
use crate::{
    background,
    embed::encoders,
    error::{Failure, Result},
    guc,
    model::{self, Model},
};
use pgrx::{check_for_interrupts, pg_guard, pg_sys};
use std::{ptr, rc::Rc, sync::atomic::Ordering::Relaxed, time::Instant};

/// Entry point of the process; returns only by errors, SIGTERM included.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn clip_pg_worker(_argument: pg_sys::Datum) {
    background::begin(None);
    let Some(shared) = Shared::get() else {
        return;
    };
    enter(shared);
    loop {
        check_for_interrupts!();
        reload_settings();
        match Batch::take(shared) {
            Some(batch) => {
                background::report(pg_sys::BackendState::STATE_RUNNING, &batch.activity());
                batch.answer(shared);
                publish(shared);
            }
            None => {
                background::report(pg_sys::BackendState::STATE_IDLE, "waiting for requests");
                background::wait(None);
            }
        }
    }
}

/// Makes this process the worker, until it ends.
fn enter(shared: Shared) {
    // SAFETY: the callback runs while the process can still take locks; the rest reads variables of this process.
    let (pid, latch, now) = unsafe {
        pg_sys::before_shmem_exit(Some(leave), pg_sys::Datum::null());
        (
            pg_sys::MyProcPid,
            pg_sys::MyLatch,
            pg_sys::GetCurrentTimestamp(),
        )
    };
    shared.counters().starts.fetch_add(1, Relaxed);
    let mut locked = shared.lock();
    let state = locked.state();
    (state.worker, state.latch, state.started) = (pid, latch, now);
}

/// Tells clients that nobody answers what was taken. Other requests, and those to come, wait for the next worker.
#[pg_guard]
unsafe extern "C-unwind" fn leave(_code: i32, _argument: pg_sys::Datum) {
    let Some(shared) = Shared::get() else {
        return;
    };
    let mut locked = shared.lock();
    let state = locked.state();
    (state.worker, state.latch, state.loaded_count) = (0, ptr::null_mut(), 0);
    // SAFETY: reads the clock.
    state.missing_since = unsafe { pg_sys::GetCurrentTimestamp() };
    for index in 0..locked.seats().len() {
        match locked.seats()[index].phase {
            Phase::Running => locked.finish(index, Phase::Lost, &[]),
            Phase::Waiting => locked.wake(index),
            _ => {}
        }
    }
}

/// Reads the configuration again after SIGHUP. Models are loaded anew where they should run on more or fewer threads.
fn reload_settings() {
    let threads = guc::worker_threads();
    if background::reload_settings()
        && guc::worker_threads() != threads
        && let Err(error) = encoders::unload_all()
    {
        // Ends the process; the next one starts without models.
        error.raise();
    }
}

/// Tells other processes which models are loaded.
fn publish(shared: Shared) {
    let loaded = encoders::loaded();
    let identities = loaded.iter().filter_map(|identity| fixed(identity));
    let mut locked = shared.lock();
    let state = locked.state();
    state.loaded_count = 0;
    for (slot, identity) in state.loaded.iter_mut().zip(identities) {
        *slot = identity;
        state.loaded_count += 1;
    }
}

/// Requests for one tower.
struct Batch {
    kind: Kind,
    model: String,
    identity: String,
    /// Seats with their generations, and the texts or pixels that were in them.
    seats: Vec<(usize, u64)>,
    inputs: Vec<Vec<u8>>,
}

impl Batch {
    /// The oldest request that waits and others for the same tower, in the order of their arrival.
    fn take(shared: Shared) -> Option<Self> {
        // SAFETY: reads the clock.
        let now = unsafe { pg_sys::GetCurrentTimestamp() };
        let mut locked = shared.lock();
        let seats = locked.seats();
        let waiting = |&index: &usize| seats[index].phase == Phase::Waiting;
        let mut order: Vec<usize> = (0..seats.len()).filter(waiting).collect();
        order.sort_unstable_by_key(|&index| seats[index].ticket);
        let first = seats[*order.first()?];
        order.retain(|&index| {
            let seat = &seats[index];
            (seat.kind, seat.model, seat.identity) == (first.kind, first.model, first.identity)
        });
        order.truncate(guc::batch_size());
        let mut batch = Self {
            kind: first.kind,
            model: text(&first.model),
            identity: text(&first.identity),
            seats: Vec::with_capacity(order.len()),
            inputs: Vec::with_capacity(order.len()),
        };
        let mut queued = 0;
        for index in order {
            let seat = &mut locked.seats()[index];
            seat.phase = Phase::Running;
            queued += (now - seat.since).max(0).unsigned_abs();
            let length = seat.length;
            batch.seats.push((index, seat.generation));
            let payload = locked.payload(index);
            batch.inputs.push(payload[..length].to_vec());
        }
        shared.counters().queued.fetch_add(queued, Relaxed);
        Some(batch)
    }

    /// What the process is doing now.
    fn activity(&self) -> String {
        let (count, model) = (self.seats.len(), &self.model);
        match self.kind {
            Kind::Text => format!("embedding texts: {count}, model: {model}"),
            Kind::Image => format!("embedding images: {count}, model: {model}"),
        }
    }

    /// Puts results into the seats. If an input makes the batch fail, each is tried alone: an error is for the one at
    /// fault.
    fn answer(&self, shared: Shared) {
        let counters = shared.counters();
        counters
            .requests
            .fetch_add(self.inputs.len() as u64, Relaxed);
        match self.run(shared, &self.inputs) {
            Err(error) if self.inputs.len() > 1 && error.is_of_input() => {
                for (seat, input) in self.seats.chunks(1).zip(self.inputs.chunks(1)) {
                    self.deliver(shared, seat, self.run(shared, input));
                }
            }
            result => self.deliver(shared, &self.seats, result),
        }
    }

    /// Embeddings of `inputs`, row by row; counted.
    fn run(&self, shared: Shared, inputs: &[Vec<u8>]) -> Result<Vec<f32>> {
        let began = Instant::now();
        let result = self.embed(inputs);
        let elapsed = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let counters = shared.counters();
        counters.batches.fetch_add(1, Relaxed);
        counters.running.fetch_add(elapsed, Relaxed);
        result
    }

    fn embed(&self, inputs: &[Vec<u8>]) -> Result<Vec<f32>> {
        let model = self.model()?;
        let threads = guc::worker_threads();
        match self.kind {
            Kind::Text => {
                let texts = inputs
                    .iter()
                    .map(|text| String::from_utf8_lossy(text).into_owned());
                encoders::encode_texts(&model, threads, texts.collect())
            }
            Kind::Image => encoders::encode_images(&model, threads, inputs.to_vec()),
        }
    }

    /// The model, as this process's own registry has it under the name that the client used.
    fn model(&self) -> Result<Rc<Model>> {
        let known = model::find(&self.model)?;
        let same = known.filter(|model| model.manifest.identity == self.identity);
        Ok(same.ok_or_else(|| Error::UnknownModel(self.model.clone()))?)
    }

    /// Writes `result` into those of `seats` whose clients still wait.
    fn deliver(&self, shared: Shared, seats: &[(usize, u64)], result: Result<Vec<f32>>) {
        let (phase, contents) = match result {
            Ok(rows) => (
                Phase::Done,
                rows.iter().flat_map(|value| value.to_ne_bytes()).collect(),
            ),
            Err(error) => (
                Phase::Failed,
                Failure::from(&error).to_json(payload_bytes()),
            ),
        };
        let row = contents.len() / seats.len().max(1);
        let mut locked = shared.lock();
        for (n, &(index, generation)) in seats.iter().enumerate() {
            if locked.seats()[index].generation != generation {
                continue;
            }
            match phase {
                Phase::Done => locked.finish(index, phase, &contents[n * row..][..row]),
                _ => locked.finish(index, phase, &contents),
            }
        }
    }
}
