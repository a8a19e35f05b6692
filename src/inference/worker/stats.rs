//! What the worker has done, in SQL. The view `clip_worker_stats` is in `sql/worker.sql`.

use super::{memo, seats::Seats};
use pgrx::{datum::TimestampWithTimeZone, prelude::*};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The row of the view `clip_worker_stats`; none where the library is not preloaded.
#[pg_extern(name = "clip_worker_stats", volatile, parallel_safe)]
#[allow(clippy::type_complexity)] // pgrx reads the columns of the result here.
fn worker_stats() -> TableIterator<
    'static,
    (
        name!(pid, Option<i32>),
        name!(started_at, Option<TimestampWithTimeZone>),
        name!(restarts, i64),
        name!(requests, i64),
        name!(batches, i64),
        name!(mean_batch_size, Option<f64>),
        name!(queue_time, f64),
        name!(inference_time, f64),
        name!(memo_hits, i64),
        name!(memo_misses, i64),
    ),
> {
    let Some(seats) = Seats::get() else {
        return TableIterator::empty();
    };
    let counters = seats.counters();
    let load = |counter: &AtomicU64| counter.load(Relaxed);
    let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let milliseconds = |counter: &AtomicU64| load(counter) as f64 / 1000.0;
    let (requests, batches) = (load(&counters.requests), load(&counters.batches));
    let (hits, misses) = memo::counters();
    let worker = seats.lock().state().worker();
    TableIterator::once((
        worker.map(|(pid, _)| pid),
        worker.and_then(|(_, started)| TimestampWithTimeZone::try_from(started).ok()),
        count(load(&counters.starts).saturating_sub(1)),
        count(requests),
        count(batches),
        (batches > 0).then(|| requests as f64 / batches as f64),
        milliseconds(&counters.queued),
        milliseconds(&counters.running),
        count(hits),
        count(misses),
    ))
}

extension_sql_file!(
    "../../../sql/worker.sql",
    name = "worker",
    requires = [worker_stats]
);
