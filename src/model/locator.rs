//! A model as one process tells another of it.

use exchange::fixed::Fixed;
use pgrx::pg_sys;
use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// Hexadecimal digits of an identity.
const IDENTITY_BYTES: usize = 64;

/// Identity of a model, as shared memory has it.
pub type Identity = Fixed<IDENTITY_BYTES>;

/// Which model, and where the registry describes it. Plain data, for shared memory; zeros are valid, if of no model.
///
/// A session may look for models elsewhere than other processes do, so a name alone would not do.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Locator {
    identity: Identity,
    /// Path of the file that describes it.
    description: Fixed<{ pg_sys::MAXPGPATH as usize }>,
}

impl Locator {
    /// That of the model with this identity, which the file `description` describes. None where the path is longer than
    /// those that the server itself has to do with.
    pub(super) fn new(identity: &str, description: &Path) -> Option<Self> {
        Some(Self {
            identity: Identity::new(identity.as_bytes())?,
            description: Fixed::new(description.as_os_str().as_bytes())?,
        })
    }

    /// Whether the model is the one with this identity.
    pub(super) fn is_of(&self, identity: &str) -> bool {
        self.identity.bytes() == identity.as_bytes()
    }

    /// The name that it is registered under.
    pub fn name(&self) -> String {
        let description = self.description();
        let name = description.file_stem().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The file that describes it.
    pub(super) fn description(&self) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(self.description.bytes()))
    }
}
