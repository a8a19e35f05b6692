//! A session's side: takes seats, waits for the worker, reads the answers.
//!
//! Invariant: a process holds no seat when it waits for one, and leaves its seats however a call ends: by a result or
//! an error when the claim is dropped, by the end of the process in a callback. It takes at most half of the seats at a
//! time, so that others need not wait until all of its work is done.

use super::{
    is_expected, memo,
    seats::{Client, Request, Seats, payload_bytes},
};
use crate::{
    error::{Failure, Result},
    guc,
    inference::Error,
    model::Model,
};
use clip::tokenize::MAX_TEXT_BYTES;
use exchange::{
    key::{Digest, Kind},
    seats::{Answer, Place},
};
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
    let keys: Vec<Digest> = texts.iter().map(|text| memo::digest(model, text)).collect();
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
    let Some(seats) = Seats::get() else {
        return Ok(None);
    };
    let unknown = || Error::UnknownModel(model.name.clone());
    let model = model.locator.ok_or_else(unknown)?;
    let request = Request { kind, model };
    let mut rows = Vec::with_capacity(inputs.len());
    while rows.len() < inputs.len() {
        let claim = Claim::new(seats, request, &inputs[rows.len()..]);
        if !claim.wait() {
            return Ok(None);
        }
        for answer in claim.answers() {
            rows.push(answer?);
        }
    }
    Ok(Some(rows))
}

/// Seats of this process; left when dropped.
struct Claim {
    seats: Seats,
    places: Vec<Place>,
}

impl Claim {
    /// Takes seats for the first of `inputs`, which must not be empty, and fills them; waits until one is free.
    fn new(seats: Seats, request: Request, inputs: &[&[u8]]) -> Self {
        leave_at_exit();
        let most = guc::worker_seats().div_ceil(2);
        loop {
            // SAFETY: reads the clock.
            let now = unsafe { pg_sys::GetCurrentTimestamp() };
            let mut locked = seats.lock();
            let places = locked
                .pool()
                .claim(request, Client::this(), inputs, most, now);
            if !places.is_empty() {
                locked.state().wake_worker();
                drop(locked);
                let claim = Self { seats, places };
                // SAFETY: ends the sleep below, if there was one; the lock is not held.
                unsafe { pg_sys::ConditionVariableCancelSleep() };
                return claim;
            }
            drop(locked);
            seats.wait_for_free();
        }
    }

    /// Returns when the worker is through with all seats, or gone with them; false where none is to be expected. Serves interrupts.
    fn wait(&self) -> bool {
        loop {
            let mut locked = self.seats.lock();
            if !locked.pool().is_pending(&self.places) {
                return true;
            }
            let working = locked.state().worker().is_some();
            let expected = is_expected(locked.state());
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

    /// What is in the seats when [`Claim::wait`] has returned. Errors are read when the lock is free again.
    fn answers(&self) -> Vec<Result<Vec<f32>>> {
        let mut locked = self.seats.lock();
        let pool = locked.pool();
        let places = self.places.iter();
        let answers: Vec<_> = places
            .map(|&place| Contents::from(pool.answer(place)))
            .collect();
        drop(locked);
        answers.into_iter().map(Contents::read).collect()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.seats.leave(&self.places);
    }
}

/// An [`Answer`] out of its seat.
enum Contents {
    Row(Vec<f32>),
    Failure(Vec<u8>),
    Lost,
}

impl From<Answer<'_>> for Contents {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Done(row) => {
                let (values, _) = row.as_chunks::<4>();
                Self::Row(values.iter().map(|&v| f32::from_ne_bytes(v)).collect())
            }
            Answer::Failed(failure) => Self::Failure(failure.to_vec()),
            Answer::Lost => Self::Lost,
        }
    }
}

impl Contents {
    fn read(self) -> Result<Vec<f32>> {
        match self {
            Self::Row(row) => Ok(row),
            Self::Failure(json) => Err(Failure::from_json(&json).into()),
            Self::Lost => Err(Error::Lost.into()),
        }
    }
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
    if let Some(seats) = Seats::get() {
        seats.leave_all();
    }
}
