//! What can go wrong with the registry itself.

use crate::{
    error::{Fields, Report, file_access, reason},
    server,
};
use pgrx::PgSqlErrorCode::*;
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

impl Report for Error {
    fn fields(&self) -> Fields {
        use Error::*;
        match self {
            NotRegistered { name, registered } => {
                let detail = match registered.as_slice() {
                    [] => "No model is registered.".to_owned(),
                    names => format!("Registered models: {}.", names.join(", ")),
                };
                let fields = match server::in_recovery() {
                    false => Fields::hinted(
                        ERRCODE_UNDEFINED_OBJECT,
                        "Name one of these, or register the model with clip_register_model().",
                    ),
                    true => Fields::hinted(
                        ERRCODE_UNDEFINED_OBJECT,
                        format!(
                            "Registrations are files, which are not replicated. Copy \"{name}.json\" out of \"clip_pg.model_directory\" of the primary into that of this standby, and the model's own directory to the same path; or register it here, too."
                        ),
                    ),
                };
                fields.detail(detail)
            }
            InvalidName(_) => Fields::hinted(
                ERRCODE_INVALID_NAME,
                "A name has up to 63 ASCII letters, digits, hyphens, underscores and dots, and begins with a letter or digit.",
            ),
            BuiltIn(_) => Fields::of(ERRCODE_RESERVED_NAME),
            NameTaken { bound, found, .. } => Fields::explained(
                ERRCODE_DUPLICATE_OBJECT,
                format!(
                    "The name belongs to the model with the SHA-256 {bound}, this one has {found}."
                ),
                "A name stays bound to its model, whose embeddings may be stored anywhere. Choose another name.",
            ),
            RelativeDirectory(_) => Fields::of(ERRCODE_INVALID_NAME),
            ModelDirectory { source, .. } => Fields::hinted(
                file_access(source),
                "The server reads the directory itself, as the operating system's user that it runs as.",
            ),
            PermissionDenied { action } => {
                let detail = format!(
                    "Only roles with privileges of the \"pg_read_server_files\" role may {action} models."
                );
                Fields::of(ERRCODE_INSUFFICIENT_PRIVILEGE).detail(detail)
            }
            InvalidRecord { name, .. } => Fields::hinted(
                ERRCODE_DATA_CORRUPTED,
                format!(
                    "Have \"{name}.json\" in \"clip_pg.model_directory\" restored, or removed and the model registered again."
                ),
            ),
            File { source, .. } | RegistryDirectory(source) => Fields::hinted(
                file_access(source),
                "\"clip_pg.model_directory\" must name a directory that the server can read and write.",
            ),
        }
    }
}
