//! What can go wrong with keeping embeddings current.

use crate::error::{Fields, Report, file_access, reason};
use pgrx::PgSqlErrorCode::*;
use std::{io, path::PathBuf};

/// An error of the ingest functions. What is wrong with a text or an image itself is a [`clip::Error`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The function was not called as the trigger that `clip_auto_embed` makes.
    #[error("clip_pg.auto_embed() must be called as a trigger made by clip_auto_embed")]
    NotAutoEmbed,
    /// The name of a column's model stands for another one on this server.
    #[error("model \"{name}\" is not the one that the embeddings of the column are by")]
    OtherModel {
        /// The name.
        name: String,
        /// Identity of the column's model.
        wanted: String,
        /// Identity of the model that has the name.
        found: String,
    },
    /// A table that was dropped meanwhile.
    #[error("table does not exist")]
    NoTable,
    /// Rows are embedded for the table's owner, at the owner's request.
    #[error("must be owner of table {0}")]
    NotOwner(String),
    /// The row of a large object that is gone, or that is nothing to the table's owner.
    #[error("large object does not exist, or the owner of the table may not read it")]
    NoLargeObject,
    /// A trigger of the table has passed over the row or taken the embedding away.
    #[error("a trigger of the table does not let the row have its embedding")]
    NotKept,
    /// The current user may not read the server's files.
    #[error("permission denied to import files of the server")]
    MayNotImport,
    /// Directories to import from are given as absolute paths.
    #[error("directory \"{0}\" is not an absolute path")]
    RelativeDirectory(String),
    /// A file or a directory cannot be read.
    #[error("could not read \"{}\": {}", path.display(), reason(source))]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that no row can hold.
    #[error("file \"{}\" of {bytes} bytes exceeds the limit of {limit} bytes", path.display())]
    FileTooLarge {
        /// Its path.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Bytes that fit.
        limit: u64,
    },
    /// A procedure that commits was called where nothing can be committed.
    #[error("{0} cannot run inside a transaction block")]
    TransactionBlock(String),
    /// The path of a file is no text.
    #[error("path \"{}\" is not valid UTF-8", .0.display())]
    PathEncoding(PathBuf),
    /// The path of a file is no text of this database.
    #[error("path \"{}\" has characters that the database's encoding lacks", .0.display())]
    PathCharacters(PathBuf),
    /// A statement without an error of the server's own.
    #[error("could not run a statement: {0}")]
    Statement(pgrx::spi::Error),
}

impl Report for Error {
    fn fields(&self) -> Fields {
        use Error::*;
        match self {
            NotAutoEmbed => Fields::of(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
            OtherModel { wanted, found, .. } => Fields::explained(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("They are by the model with the SHA-256 {wanted}, this one has {found}."),
                "Register that model on this server, or embed the table anew by clip_auto_embed_remove(), removing the embeddings, and clip_auto_embed().",
            ),
            NoTable => Fields::of(ERRCODE_UNDEFINED_TABLE),
            NotOwner(_) => Fields::of(ERRCODE_INSUFFICIENT_PRIVILEGE),
            NoLargeObject => Fields::of(ERRCODE_UNDEFINED_OBJECT),
            NotKept => Fields::of(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
            MayNotImport => Fields::explained(
                ERRCODE_INSUFFICIENT_PRIVILEGE,
                "Only roles with privileges of the \"pg_read_server_files\" role may import files of the server.",
                "Files of the client can be copied with psql, see the documentation.",
            ),
            RelativeDirectory(_) => Fields::of(ERRCODE_INVALID_NAME),
            File { source, .. } => Fields::of(file_access(source)),
            FileTooLarge { .. } => Fields::hinted(
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "A value of the type bytea is shorter than 1 GB.",
            ),
            TransactionBlock(_) => Fields::explained(
                ERRCODE_ACTIVE_SQL_TRANSACTION,
                "It commits after every batch.",
                "Call it by itself: in autocommit mode, which drivers may have to be told, and not from a function or a block with an EXCEPTION clause.",
            ),
            PathEncoding(_) => Fields::of(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
            PathCharacters(_) => Fields::of(ERRCODE_UNTRANSLATABLE_CHARACTER),
            Statement(_) => Fields::of(ERRCODE_INTERNAL_ERROR),
        }
    }

    fn is_of_input(&self) -> bool {
        matches!(self, Error::NoLargeObject)
    }
}
