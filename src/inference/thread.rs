//! The thread on which everything native runs: ONNX Runtime and the tokenizers.
//!
//! A backend starts one such thread when it first needs it and keeps it: sessions stay where they were made, and a
//! call costs a wake-up rather than a thread. All signals are blocked there, and in the threads that ONNX Runtime
//! starts from it, so PostgreSQL's handlers only ever run on the backend's own thread. That one waits on its latch
//! meanwhile and serves interrupts.
//!
//! Invariant: no work is left running behind the backend's back. However [`run`] is left, by its result, by an error
//! or by the end of the process, the work has ended first.

use super::Error;
use crate::{error::Result, server};
use clip::cancel::Cancel;
use pgrx::{check_for_interrupts, pg_guard, pg_sys};
use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::fd::AsRawFd,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread::Builder,
};

/// As much as PostgreSQL's own thread usually has; optimising a graph recurses.
const STACK_SIZE: usize = 8 << 20;

/// Runs `work` on the thread and returns what it returned; serves interrupts meanwhile.
///
/// An interrupt that is about to raise an error, or to end the process, cancels the token given to `work` and waits
/// until `work` has returned. A panic in `work` is raised here.
pub fn run<T: Send + 'static>(
    work: impl FnOnce(&Cancel) -> clip::Result<T> + Send + 'static,
) -> Result<T> {
    let thread = thread()?;
    let cancel = Cancel::default();
    let token = cancel.clone();
    let (sender, receiver) = mpsc::channel();
    let job = Box::new(move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&token)));
        // The receiver is gone where the backend raises an error of its own instead.
        let _ = sender.send(outcome);
    });
    *thread.running() = Some(cancel);
    let running = Running(thread);
    thread.jobs.send(job).map_err(|_| ended())?;
    thread.wait();
    drop(running);
    match receiver.recv().map_err(|_| ended())? {
        Ok(result) => Ok(result?),
        Err(panic) => resume_unwind(panic),
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// The backend's end of the thread.
struct ModelThread {
    jobs: Sender<Job>,
    /// One byte for each job that has ended.
    done: PipeReader,
    /// Stops the job at hand; `None` where there is none, or its byte was read.
    running: Mutex<Option<Cancel>>,
}

/// A static, because nothing may be torn down at exit: the thread just ends with the process.
static THREAD: OnceLock<ModelThread> = OnceLock::new();

fn thread() -> Result<&'static ModelThread> {
    match THREAD.get() {
        Some(thread) => Ok(thread),
        None => {
            let thread = start().map_err(Error::Thread)?;
            // SAFETY: the callback may be called at any time from now on; it finds the thread in its static.
            unsafe { pg_sys::on_proc_exit(Some(stop_at_exit), pg_sys::Datum::null()) };
            Ok(THREAD.get_or_init(|| thread))
        }
    }
}

fn start() -> io::Result<ModelThread> {
    let (jobs, queue) = mpsc::channel();
    let (done, report) = io::pipe()?;
    let mut main = Some(move || serve(queue, report));
    let mut started = Ok(());
    server::with_signals_blocked(&mut || {
        if let Some(serve) = main.take() {
            let builder = Builder::new().name("clip_pg".to_owned());
            started = builder.stack_size(STACK_SIZE).spawn(serve).map(drop);
        }
    });
    started?;
    for _ in 0..2 {
        // SAFETY: counts a file descriptor that PostgreSQL did not open, the two ends of the pipe here.
        unsafe { pg_sys::ReserveExternalFD() };
    }
    Ok(ModelThread {
        jobs,
        done,
        running: Mutex::new(None),
    })
}

/// The thread: one job after the other, each reported on the pipe.
fn serve(queue: Receiver<Job>, mut report: PipeWriter) {
    for job in queue {
        job();
        if report.write_all(&[0]).is_err() {
            return;
        }
    }
}

impl ModelThread {
    fn running(&self) -> MutexGuard<'_, Option<Cancel>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the job at hand has ended; interrupts raise errors or end the process.
    fn wait(&self) {
        let events =
            pg_sys::WL_LATCH_SET | pg_sys::WL_SOCKET_READABLE | pg_sys::WL_EXIT_ON_PM_DEATH;
        loop {
            // SAFETY: a backend's own latch, a descriptor that is open for ever, no timeout.
            let event = unsafe {
                pg_sys::WaitLatchOrSocket(
                    pg_sys::MyLatch,
                    events as i32,
                    self.done.as_raw_fd(),
                    -1,
                    pg_sys::PG_WAIT_EXTENSION,
                )
            } as u32;
            if event & pg_sys::WL_LATCH_SET != 0 {
                // SAFETY: the latch is this process's own, and the loop looks at its conditions again.
                unsafe { pg_sys::ResetLatch(pg_sys::MyLatch) };
            }
            check_for_interrupts!();
            if event & pg_sys::WL_SOCKET_READABLE != 0 {
                return;
            }
        }
    }

    /// Stops the job at hand, if there is one, and waits for its end.
    fn stop(&self) {
        let Some(cancel) = self.running().take() else {
            return;
        };
        cancel.cancel();
        // An error means that the thread, and with it the job, is gone.
        let _ = (&self.done).read_exact(&mut [0]);
    }
}

/// Ends the job at hand when dropped; a job that has ended already only has its byte read.
struct Running(&'static ModelThread);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// FATAL errors and the postmaster's death end the process without unwinding [`run`].
#[pg_guard]
unsafe extern "C-unwind" fn stop_at_exit(_code: i32, _argument: pg_sys::Datum) {
    if let Some(thread) = THREAD.get() {
        thread.stop();
    }
}

fn ended() -> Error {
    Error::Thread(io::ErrorKind::BrokenPipe.into())
}
