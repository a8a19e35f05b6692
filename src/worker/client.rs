//! A session's side: takes seats, waits for the worker, reads the results.
//!
//! Invariant: a process holds no seat when it waits for one, and leaves its seats however a call ends: by a result or
//! an error when the claim is dropped, by the end of the process in a callback. It takes at most half of the seats at a
//! time, so that others need not wait until all of its work is done.

use super::{
    Error, is_expected, memo, payload_bytes,
    shared::{Kind, NAME_BYTES, Phase, Seat, Shared, fixed},
};
use crate::{
    error::{Failure, Result},
    guc,
    model::Model,
};
use clip::tokenize::MAX_TEXT_BYTES;
use pgrx::{check_for_interrupts, pg_guard, pg_sys};
use std::sync::Once;

/// Milliseconds after which a session looks again whether there is a worker, while there is none.
const LOOK_AGAIN: i64 = 500;

/// Embeds `texts` by the worker, or as it has embedded them before; returns them row by row. None where there is no worker.
pub fn encode_texts(model: &Model, texts: &[&str]) -> Result<Option<Vec<f32>>> {
    if let Some(text) = texts.iter().find(|text| text.len() > MAX_TEXT_BYTES) {
        let (bytes, limit) = (text.len(), MAX_TEXT_BYTES);
        return Err(clip::Error::TextTooLong { bytes, limit }.into());
    }
    let keys: Vec<memo::Key> = texts.iter().map(|text| memo::key(model, text)).collect();
    let mut rows: Vec<Option<Vec<f32>>> = keys.iter().map(memo::get).collect();
    let missing: Vec<usize> = (0..texts.len()).filter(|&n| rows[n].is_none()).collect();
    let inputs: Vec<&[u8]> = missing.iter().map(|&n| texts[n].as_bytes()).collect();
    let Some(new) = encode(model, Kind::Text, &inputs)? else {
        return Ok(None);
    };
    for (n, row) in missing.into_iter().zip(new) {
        memo::put(&keys[n], &row);
        rows[n] = Some(row);
    }
    let rows: Vec<Vec<f32>> = rows.into_iter().flatten().collect();
    Ok(Some(rows.concat()))
}

/// Embeds images by the worker, each as [`imaging::pixels`] gives it; returns them row by row. None where there is no
/// worker.
pub fn encode_images(model: &Model, images: &[Vec<u8>]) -> Result<Option<Vec<f32>>> {
    let limit = payload_bytes();
    if let Some(image) = images.iter().find(|image| image.len() > limit) {
        return Err(Error::SeatTooSmall {
            model: model.name.clone(),
            bytes: image.len(),
            limit,
        }
        .into());
    }
    let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
    Ok(encode(model, Kind::Image, &images)?.map(|rows| rows.concat()))
}

/// One embedding for each input, with as many seats at a time as are free and allowed. None where there is no worker.
fn encode(model: &Model, kind: Kind, inputs: &[&[u8]]) -> Result<Option<Vec<Vec<f32>>>> {
    let Some(shared) = Shared::get() else {
        return Ok(None);
    };
    let mut rows = Vec::with_capacity(inputs.len());
    while rows.len() < inputs.len() {
        let claim = Claim::new(shared, model, kind, &inputs[rows.len()..])?;
        if !claim.wait() {
            return Ok(None);
        }
        for result in claim.results() {
            rows.push(result?);
        }
    }
    Ok(Some(rows))
}

/// Seats of this process, with their generations; left when dropped.
struct Claim {
    shared: Shared,
    seats: Vec<(usize, u64)>,
}

impl Claim {
    /// Takes seats for the first of `inputs`, which must not be empty, and fills them; waits until one is free.
    fn new(shared: Shared, model: &Model, kind: Kind, inputs: &[&[u8]]) -> Result<Self> {
        let unknown = || Error::UnknownModel(model.name.clone());
        let identity = fixed(&model.manifest.identity).ok_or_else(unknown)?;
        let name = fixed::<NAME_BYTES>(&model.name).ok_or_else(unknown)?;
        leave_at_exit();
        let most = inputs.len().min(guc::worker_seats().div_ceil(2));
        let mut claim = Self {
            shared,
            seats: Vec::with_capacity(most),
        };
        loop {
            let mut locked = shared.lock();
            let free = locked.seats().iter().enumerate();
            let free = free.filter(|(_, seat)| seat.phase == Phase::Free);
            let free = free.map(|(index, seat)| (index, seat.generation));
            claim.seats.extend(free.take(most));
            // SAFETY: reads the clock.
            let now = unsafe { pg_sys::GetCurrentTimestamp() };
            for (&(index, _), input) in claim.seats.iter().zip(inputs) {
                locked.payload(index)[..input.len()].copy_from_slice(input);
                let ticket = locked.state().ticket;
                locked.state().ticket += 1;
                let seat = &mut locked.seats()[index];
                seat.phase = Phase::Waiting;
                seat.kind = kind;
                seat.ticket = ticket;
                seat.since = now;
                // SAFETY: both are set for every process that can run SQL.
                (seat.client, seat.latch) = unsafe { (pg_sys::MyProcPid, pg_sys::MyLatch) };
                (seat.model, seat.identity) = (name, identity);
                seat.length = input.len();
            }
            let worker = locked.state().latch;
            if !claim.seats.is_empty() {
                if !worker.is_null() {
                    // SAFETY: the latch of a process that is there until the lock is free.
                    unsafe { pg_sys::SetLatch(worker) };
                }
                drop(locked);
                // SAFETY: ends the sleep below, if there was one.
                unsafe { pg_sys::ConditionVariableCancelSleep() };
                return Ok(claim);
            }
            drop(locked);
            shared.wait_for_free();
        }
    }

    /// Returns when the worker is through with all seats, or gone with them; false where none is to be expected. Serves interrupts.
    fn wait(&self) -> bool {
        loop {
            let mut locked = self.shared.lock();
            let working = locked.state().worker != 0;
            let expected = is_expected(locked.state());
            let seats = locked.seats();
            let pending = |phase| matches!(phase, Phase::Waiting | Phase::Running);
            if !self.seats.iter().any(|&(n, _)| pending(seats[n].phase)) {
                return true;
            }
            drop(locked);
            if !expected {
                return false;
            }
            let mut events = pg_sys::WL_LATCH_SET | pg_sys::WL_EXIT_ON_PM_DEATH;
            if !working {
                events |= pg_sys::WL_TIMEOUT;
            }
            // SAFETY: the process's own latch; the loop looks at its conditions again after resetting it.
            unsafe {
                let latch = pg_sys::MyLatch;
                pg_sys::WaitLatch(latch, events as i32, LOOK_AGAIN, pg_sys::PG_WAIT_EXTENSION);
                pg_sys::ResetLatch(latch);
            }
            check_for_interrupts!();
        }
    }

    /// What is in the seats when [`Claim::wait`] has returned.
    fn results(&self) -> Vec<Result<Vec<f32>>> {
        let mut locked = self.shared.lock();
        let contents: Vec<(Phase, Vec<u8>)> = self
            .seats
            .iter()
            .map(|&(index, _)| {
                let Seat { phase, length, .. } = locked.seats()[index];
                (phase, locked.payload(index)[..length].to_vec())
            })
            .collect();
        drop(locked);
        contents.into_iter().map(result).collect()
    }
}

fn result((phase, contents): (Phase, Vec<u8>)) -> Result<Vec<f32>> {
    match phase {
        Phase::Done => {
            let (values, _) = contents.as_chunks::<4>();
            Ok(values.iter().map(|&v| f32::from_ne_bytes(v)).collect())
        }
        Phase::Failed => Err(Failure::from_json(&contents).into()),
        _ => Err(Error::Lost.into()),
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut locked = self.shared.lock();
        let seats = locked.seats();
        for &(index, generation) in &self.seats {
            if seats[index].generation == generation {
                leave(&mut seats[index]);
            }
        }
        drop(locked);
        self.shared.wake_waiting();
    }
}

fn leave(seat: &mut Seat) {
    seat.phase = Phase::Free;
    seat.generation += 1;
}

/// Sees to it that the process leaves its seats when it ends without unwinding, as FATAL errors do.
fn leave_at_exit() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the callback runs while the process can still take locks.
        unsafe { pg_sys::before_shmem_exit(Some(leave_all), pg_sys::Datum::null()) };
    });
}

#[pg_guard]
unsafe extern "C-unwind" fn leave_all(_code: i32, _argument: pg_sys::Datum) {
    let Some(shared) = Shared::get() else {
        return;
    };
    // SAFETY: reads a variable of this process.
    let me = unsafe { pg_sys::MyProcPid };
    let mut locked = shared.lock();
    let seats = locked.seats().iter_mut();
    for seat in seats.filter(|seat| seat.phase != Phase::Free && seat.client == me) {
        leave(seat);
    }
    drop(locked);
    shared.wake_waiting();
}
