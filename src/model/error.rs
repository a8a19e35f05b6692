//! What can go wrong with the registry itself.

use crate::error::reason;
use std::io;

/// An error of the registry. What is wrong with a model's own files is a [`clip::Error`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No model of this name, or one that was unregistered.
    #[error("model \"{name}\" is not registered")]
    NotRegistered {
        /// The name asked for.
        name: String,
        /// Names of all registered models.
        registered: Vec<String>,
    },
    /// A name that the registry does not take.
    #[error("invalid model name \"{0}\"")]
    InvalidName(String),
    /// The name of the built-in model, which stays what it is.
    #[error("model name \"{0}\" is reserved for the built-in model")]
    BuiltIn(String),
    /// The name belongs to another model, for ever.
    #[error("model name \"{name}\" belongs to another model")]
    NameTaken {
        /// The name.
        name: String,
        /// Identity of the model it belongs to.
        bound: String,
        /// Identity of the model to be registered.
        found: String,
    },
    /// Model directories are given as absolute paths.
    #[error("model directory \"{0}\" is not an absolute path")]
    RelativeDirectory(String),
    /// A model directory is not there, or the server may not read it.
    #[error("could not open model directory \"{path}\": {}", reason(source))]
    ModelDirectory {
        /// As given.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The current user may not read the server's files.
    #[error("permission denied to {action} a model")]
    PermissionDenied {
        /// What was tried: `register` or `unregister`.
        action: &'static str,
    },
    /// A file of the registry holds something else than a description.
    #[error("description of model \"{name}\" is invalid: {reason}")]
    InvalidRecord {
        /// The model.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A file of the registry cannot be read or written.
    #[error(
        "could not {action} the description of model \"{name}\": {}",
        reason(source)
    )]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The model.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// The registry's directory cannot be listed.
    #[error("could not list the registered models: {}", reason(.0))]
    RegistryDirectory(io::Error),
}
