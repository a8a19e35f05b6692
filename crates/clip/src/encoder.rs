//! The one interface between model and caller, and a deterministic stand-in for tests.

use crate::{Result, manifest::Manifest};
use std::sync::{Arc, Mutex, atomic::{AtomicBool, Ordering}};

/// Turns texts and preprocessed images into unit vectors.
///
/// Implementations own their sessions; they are driven from one thread at a time.
pub trait Encoder: Send {
    /// The model's description.
    fn manifest(&self) -> &Manifest;

    /// Embeds `texts`; returns them row by row, `texts.len() × dimensions`, each of unit L2 norm and finite.
    fn encode_texts(&mut self, texts: &[&str], cancel: &Cancel) -> Result<Vec<f32>>;

    /// Embeds images; each is RGB, 8 bits per sample, height × width × 3 as [`crate::image::pixels`] gives it.
    /// Returns `images.len() × dimensions` values like [`Encoder::encode_texts`].
    fn encode_images(&mut self, images: &[&[u8]], cancel: &Cancel) -> Result<Vec<f32>>;
}

type Hook = Box<dyn Fn() + Send>;

/// Stops a running call from another thread.
#[derive(Clone, Default)]
pub struct Cancel(Arc<(AtomicBool, Mutex<Option<Hook>>)>);

impl Cancel {
    /// Asks the running call to stop, now and for every later call with this token.
    pub fn cancel(&self) {
        self.0.0.store(true, Ordering::SeqCst);
        if let Ok(hook) = self.0.1.lock()
            && let Some(hook) = hook.as_ref()
        {
            hook();
        }
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_canceled(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Runs `hook` on cancellation until the next call of this function; `None` removes it.
    pub fn on_cancel(&self, hook: Option<Hook>) {
        if let Ok(mut slot) = self.0.1.lock() {
            *slot = hook;
        }
    }
}
