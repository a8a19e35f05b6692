//! The extension's settings.

/// Declares every setting.
pub fn define() {}
