//! How a call is stopped that runs on another thread.

use crate::{Error, Result};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

type Hook = Box<dyn Fn() + Send>;

/// Stops a running call from another thread. A canceled token stays canceled.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Flag>);

#[derive(Default)]
struct Flag {
    canceled: AtomicBool,
    hook: Mutex<Option<Hook>>,
}

impl Cancel {
    /// Asks the running call to stop, now and for every later call with this token.
    pub fn cancel(&self) {
        self.0.canceled.store(true, Ordering::SeqCst);
        if let Some(hook) = self.hook().as_ref() {
            hook();
        }
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_canceled(&self) -> bool {
        self.0.canceled.load(Ordering::SeqCst)
    }

    /// [`Error::Canceled`] once [`Cancel::cancel`] was called.
    pub fn check(&self) -> Result<()> {
        if self.is_canceled() {
            Err(Error::Canceled)
        } else {
            Ok(())
        }
    }

    /// Runs `hook` on cancellation for as long as the returned guard lives.
    ///
    /// The hook is in place before the flag is read, so a cancellation either runs the hook or is reported here as
    /// [`Error::Canceled`]; none falls between.
    pub fn during(&self, hook: impl Fn() + Send + 'static) -> Result<During<'_>> {
        *self.hook() = Some(Box::new(hook));
        let guard = During(self);
        self.check()?;
        Ok(guard)
    }

    fn hook(&self) -> MutexGuard<'_, Option<Hook>> {
        self.0.hook.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a hook of [`Cancel::during`] in place.
pub struct During<'a>(&'a Cancel);

impl Drop for During<'_> {
    fn drop(&mut self) {
        *self.0.hook() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn hooks_run_while_their_guard_lives() {
        let calls = Arc::new(AtomicUsize::new(0));
        let cancel = Cancel::default();
        let counter = Arc::clone(&calls);
        let hook = move || {
            counter.fetch_add(1, Ordering::SeqCst);
        };
        drop(cancel.during(hook.clone()).unwrap());
        let guard = cancel.during(hook.clone()).unwrap();
        cancel.clone().cancel();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        drop(guard);
        assert!(matches!(cancel.during(hook), Err(Error::Canceled)));
        cancel.cancel();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}
