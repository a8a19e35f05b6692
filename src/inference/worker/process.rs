//! The worker process: embeds what waits in the seats.
//!
//! It takes the oldest request and all others for the same tower that are there, up to `clip_pg.batch_size`, runs the
//! model on them and looks again. So a batch grows while another one runs, and never waits for company otherwise.
//!
//! Invariant: a request that was taken is answered. However the process ends short of a crash, clients are told in a
//! callback; after a crash the server starts every process anew, with fresh shared memory.

use super::seats::{Client, Request, Seats, payload_bytes};
use crate::{
    background,
    error::{Failure, Result},
    guc,
    inference::{Error, Inputs, session},
    model::{self, Identity},
};
use exchange::{
    key::Kind,
    seats::{Answer, Batch, Place},
};
use pgrx::{check_for_interrupts, pg_guard, pg_sys};
use std::{sync::atomic::Ordering::Relaxed, time::Instant};

/// Entry point of the process; returns only by errors, SIGTERM included.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn clip_pg_worker(_argument: pg_sys::Datum) {
    background::begin(None);
    let Some(seats) = Seats::get() else {
        return;
    };
    enter(seats);
    loop {
        check_for_interrupts!();
        reload_settings();
        match take(seats) {
            Some(batch) => {
                background::report(pg_sys::BackendState::STATE_RUNNING, &activity(&batch));
                answer(seats, &batch);
            }
            None => {
                background::report(pg_sys::BackendState::STATE_IDLE, "waiting for requests");
                background::wait(None);
            }
        }
    }
}

fn now() -> i64 {
    // SAFETY: reads the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

/// Makes this process the worker, until it ends.
fn enter(seats: Seats) {
    // SAFETY: the callback runs while the process can still take locks.
    unsafe { pg_sys::before_shmem_exit(Some(leave), pg_sys::Datum::null()) };
    seats.counters().starts.fetch_add(1, Relaxed);
    seats.lock().state().enter(now());
}

/// Tells clients that nobody answers what was taken. Other requests, and those to come, wait for the next worker.
#[pg_guard]
unsafe extern "C-unwind" fn leave(_code: i32, _argument: pg_sys::Datum) {
    if let Some(seats) = Seats::get() {
        let mut locked = seats.lock();
        locked.state().leave(now());
        locked.pool().abandon(Client::wake);
    }
}

/// Reads the configuration again after SIGHUP. Models are loaded anew where they should run on more or fewer threads.
fn reload_settings() {
    let threads = guc::worker_threads();
    if background::reload_settings()
        && guc::worker_threads() != threads
        && let Err(error) = session::unload_all()
    {
        // Ends the process; the next one starts without models.
        error.raise();
    }
}

/// Tells other processes which models are loaded.
fn publish(seats: Seats) {
    let loaded = session::loaded();
    let identities = loaded
        .iter()
        .filter_map(|identity| Identity::new(identity.as_bytes()));
    seats.lock().state().set_loaded(identities);
}

/// The oldest request that waits, and others for the same tower.
fn take(seats: Seats) -> Option<Batch<Request>> {
    let batch = seats.lock().pool().take(guc::batch_size(), now())?;
    seats.counters().queued.fetch_add(batch.waited, Relaxed);
    Some(batch)
}

/// What the process is doing now.
fn activity(batch: &Batch<Request>) -> String {
    let (count, model) = (batch.places.len(), batch.request.model.name());
    match batch.request.kind {
        Kind::Text => format!("embedding texts: {count}, model: {model}"),
        Kind::Image => format!("embedding images: {count}, model: {model}"),
    }
}

/// Puts answers into the seats. If an input makes the batch fail, each is tried alone: an error is for the one at
/// fault.
fn answer(seats: Seats, batch: &Batch<Request>) {
    let Batch {
        request,
        places,
        inputs,
        ..
    } = batch;
    let count = inputs.len() as u64;
    seats.counters().requests.fetch_add(count, Relaxed);
    match run(seats, request, inputs) {
        Err(error) if inputs.len() > 1 && error.is_of_input() => {
            for (place, input) in places.chunks(1).zip(inputs.chunks(1)) {
                deliver(seats, place, run(seats, request, input));
            }
        }
        rows => deliver(seats, places, rows),
    }
}

/// Embeddings of `inputs`, row by row; counted.
fn run(seats: Seats, request: &Request, inputs: &[Vec<u8>]) -> Result<Vec<f32>> {
    let began = Instant::now();
    let rows = embed(request, inputs);
    let elapsed = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let counters = seats.counters();
    counters.batches.fetch_add(1, Relaxed);
    counters.running.fetch_add(elapsed, Relaxed);
    // Before anybody has an answer and looks.
    publish(seats);
    rows
}

fn embed(request: &Request, inputs: &[Vec<u8>]) -> Result<Vec<f32>> {
    let unknown = || Error::UnknownModel(request.model.name());
    let model = model::open(&request.model)?.ok_or_else(unknown)?;
    let threads = guc::worker_threads();
    match request.kind {
        Kind::Text => {
            let texts: Vec<_> = inputs
                .iter()
                .map(|text| String::from_utf8_lossy(text))
                .collect();
            let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
            session::embed(&model, threads, Inputs::Texts(&texts))
        }
        Kind::Image => session::embed(&model, threads, Inputs::Images(inputs)),
    }
}

/// Writes `rows`, or what went wrong, into those of `places` whose clients still wait.
fn deliver(seats: Seats, places: &[Place], rows: Result<Vec<f32>>) {
    let rows = rows.map(|rows| {
        rows.iter()
            .flat_map(|value| value.to_ne_bytes())
            .collect::<Vec<u8>>()
    });
    let rows = rows.map_err(|error| Failure::from(&error).to_json(payload_bytes()));
    let mut locked = seats.lock();
    let mut pool = locked.pool();
    for (n, &place) in places.iter().enumerate() {
        let answer = match &rows {
            Ok(rows) => {
                let row = rows.len() / places.len();
                Answer::Done(&rows[n * row..][..row])
            }
            Err(failure) => Answer::Failed(failure),
        };
        if let Some(client) = pool.finish(place, answer) {
            client.wake();
        }
    }
}
