//! The two lightweight locks, held as Rust values.

use pgrx::pg_sys::{self, LWLockMode};

/// A lock that this process holds until the value is dropped.
///
/// Nothing that can raise an error is called meanwhile, and interrupts are held off by the server.
pub struct Held(*mut pg_sys::LWLock);

impl Held {
    /// Waits for the lock.
    ///
    /// # Safety
    /// `lock` is an initialised lock in shared memory, and this process does not hold it.
    pub unsafe fn exclusive(lock: *mut pg_sys::LWLock) -> Self {
        // SAFETY: as the caller promises.
        unsafe { pg_sys::LWLockAcquire(lock, LWLockMode::LW_EXCLUSIVE) };
        Self(lock)
    }

    /// Waits for the lock, to be held together with others that only read.
    ///
    /// # Safety
    /// As for [`Held::exclusive`].
    pub unsafe fn shared(lock: *mut pg_sys::LWLock) -> Self {
        // SAFETY: as the caller promises.
        unsafe { pg_sys::LWLockAcquire(lock, LWLockMode::LW_SHARED) };
        Self(lock)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the lock was acquired when this was made.
        unsafe { pg_sys::LWLockRelease(self.0) };
    }
}
