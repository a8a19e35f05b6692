//! Decoders that cannot be asked to stop: each runs on a thread of its own, and who is to stop leaves it there.
//!
//! The thread owns the file and the result and touches nothing of the caller's. Left alone, it ends where its decoder
//! next reads, or drops the result when that is there; the process may end before, as it tears nothing down that the
//! thread uses. There is one at a time in a process: the next waits until the one that was left has ended, so that
//! memory stays that of one picture.

use super::source::Pulse;
use crate::signals::with_signals_blocked;
use crate::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// For how long `progress` is not called.
const STEP: Duration = Duration::from_millis(50);

/// Bytes that are copied before `progress` is called again.
const BLOCK: usize = 1 << 24;

static BUSY: Mutex<bool> = Mutex::new(false);
static FREE: Condvar = Condvar::new();

fn busy() -> MutexGuard<'static, bool> {
    BUSY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to have a thread; given back when dropped.
struct Turn;

impl Turn {
    fn wait(pulse: &Pulse<'_>) -> Self {
        loop {
            let waited = FREE.wait_timeout_while(busy(), STEP, |busy| *busy);
            let (mut busy, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if !*busy {
                *busy = true;
                return Self;
            }
            drop(busy);
            pulse.beat();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *busy() = false;
        FREE.notify_one();
    }
}

/// Calls `decoder` with a copy of `bytes` on a thread of its own, or with `bytes` right here where none can be started.
///
/// The caller's `progress` may unwind at any time; then the one that the decoder is given does, too.
pub(super) fn run<T: Send + 'static>(
    bytes: &[u8],
    pulse: &Pulse<'_>,
    decoder: impl Fn(&[u8], &Pulse<'_>) -> Result<T> + Clone + Send + 'static,
) -> Result<T> {
    match on_thread(Builder::new(), bytes, pulse, decoder.clone())? {
        Some(outcome) => outcome,
        None => decoder(bytes, pulse),
    }
}

/// The same for a decoder that takes `stack` bytes of stack, which it has on no other thread.
///
/// # Errors
/// [`Error::OutOfMemory`] where there is no room for the thread.
pub(super) fn run_deep<T: Send + 'static>(
    stack: usize,
    bytes: &[u8],
    pulse: &Pulse<'_>,
    decoder: impl Fn(&[u8], &Pulse<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let builder = Builder::new().stack_size(stack);
    on_thread(builder, bytes, pulse, decoder)?.unwrap_or(Err(Error::OutOfMemory { bytes: stack }))
}

/// What `decoder` returns on a thread of its own; nothing where it could not be started.
fn on_thread<T: Send + 'static>(
    builder: Builder,
    bytes: &[u8],
    pulse: &Pulse<'_>,
    decoder: impl Fn(&[u8], &Pulse<'_>) -> Result<T> + Send + 'static,
) -> Result<Option<Result<T>>> {
    let turn = Turn::wait(pulse);
    let file = copied(bytes, pulse)?;
    let caller = Arc::new(());
    let presence = Arc::downgrade(&caller);
    let (sender, receiver) = mpsc::channel();
    let mut thread = Some(move || {
        let outcome = catch_unwind(AssertUnwindSafe(move || {
            let unwind_if_left = || {
                if presence.strong_count() == 0 {
                    resume_unwind(Box::new(()));
                }
            };
            decoder(&file, &Pulse::new(&unwind_if_left))
        }));
        // Where nobody receives them, the outcome is dropped, and then the turn.
        let _ = sender.send((outcome, turn));
    });
    let mut builder = Some(builder.name("clip image".to_owned()));
    with_signals_blocked(&mut || {
        if let (Some(builder), Some(thread)) = (builder.take(), thread.take()) {
            // Where it fails, the sender is dropped with the rest.
            let _ = builder.spawn(thread);
        }
    });
    loop {
        match receiver.recv_timeout(STEP) {
            Ok((outcome, _turn)) => {
                return Ok(Some(
                    outcome.unwrap_or_else(|payload| resume_unwind(payload)),
                ));
            }
            Err(RecvTimeoutError::Timeout) => pulse.beat(),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

fn copied(bytes: &[u8], pulse: &Pulse<'_>) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())
        .map_err(|_| Error::OutOfMemory { bytes: bytes.len() })?;
    for block in bytes.chunks(BLOCK) {
        pulse.beat();
        copy.extend_from_slice(block);
    }
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use std::cell::Cell;

    /// Leaves `decoder` when told so.
    fn leave<T: Send + 'static>(
        when: impl Fn() -> bool,
        decoder: impl Fn(&[u8], &Pulse<'_>) -> Result<T> + Clone + Send + 'static,
    ) {
        let progress = || {
            if when() {
                resume_unwind(Box::new("left"));
            }
        };
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            run(b"picture", &Pulse::new(&progress), decoder)
        }));
        let payload = unwound.map(|_| ()).expect_err("it is left");
        assert_eq!(*payload.downcast::<&str>().unwrap(), "left");
    }

    #[test]
    fn the_next_waits_for_the_one_that_was_left() {
        let (began, beginning) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        // It ends when it is told to, and does not ask.
        let deaf = move |_: &[u8], _: &Pulse<'_>| {
            began.send(()).unwrap();
            let _ = ended.lock().unwrap().recv();
            Ok(())
        };
        leave(|| beginning.try_recv().is_ok(), deaf);
        let calls = Cell::new(0);
        let count = || {
            calls.set(calls.get() + 1);
            calls.get()
        };
        leave(
            || count() == 3,
            |_, _| -> Result<()> { panic!("there are two") },
        );
        let progress = || {
            if count() == 6 {
                end.send(()).unwrap();
            }
        };
        let length = run(b"another", &Pulse::new(&progress), |bytes, _| {
            Ok(bytes.len())
        });
        assert_eq!(length.unwrap(), 7);
        assert!(calls.get() > 6, "{}", calls.get());
    }

    #[test]
    fn one_that_reads_ends_when_it_is_left() {
        let (began, beginning) = mpsc::channel();
        leave(
            || beginning.try_recv().is_ok(),
            move |_, pulse| -> Result<()> {
                began.send(()).unwrap();
                pulse.confine(Format::WebP, || {
                    loop {
                        pulse.beat();
                    }
                })
            },
        );
        let two = run(b"2", &Pulse::new(&|| ()), |_, _| Ok(2));
        assert_eq!(two.unwrap(), 2);
    }

    #[test]
    fn a_panic_arrives_as_on_the_own_thread() {
        let confined = run(b"", &Pulse::new(&|| ()), |_, pulse| -> Result<()> {
            pulse.confine(Format::WebP, || panic!("index out of bounds"))
        });
        assert_eq!(
            confined.unwrap_err().to_string(),
            "invalid WebP image: index out of bounds"
        );
        let unwound = catch_unwind(|| {
            run(b"", &Pulse::new(&|| ()), |_, _| -> Result<()> {
                resume_unwind(Box::new("payload"))
            })
        });
        let payload = unwound.map(|_| ()).expect_err("it unwinds");
        assert_eq!(*payload.downcast::<&str>().unwrap(), "payload");
    }
}
