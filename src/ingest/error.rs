//! What can go wrong with keeping embeddings current.

use crate::error::{Fields, Report, file_access, reason};
use pgrx::PgSqlErrorCode::*;

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
    /// A file, or a directory of files.
    #[error("{}", import_message(.0))]
    Import(#[from] import::Error),
    /// A column that files are to be imported into is not there.
    #[error("column \"{column}\" of table {table} does not exist")]
    NoImportColumn {
        /// The column.
        column: String,
        /// The table.
        table: String,
        /// The type that it should have.
        wanted: &'static str,
    },
    /// A column that files are to be imported into is of another type.
    #[error("column \"{column}\" of table {table} is of type {found}")]
    ImportColumnType {
        /// The column.
        column: String,
        /// The table.
        table: String,
        /// Its type.
        found: String,
        /// The type that it should have.
        wanted: &'static str,
    },
    /// An argument that may not be left open.
    #[error("{0} must not be null")]
    Missing(&'static str),
    /// How many rows or files are dealt with at a time.
    #[error("batch size must be positive, not {}", .0.map_or("null".to_owned(), |size| size.to_string()))]
    BatchSize(Option<i32>),
    /// How long a backfill waits between batches.
    #[error("pause must be a number of seconds, not {}", pause(*.0))]
    Pause(Option<f64>),
    /// Rows are embedded on the primary.
    #[error("cannot embed what is pending during recovery")]
    Recovery,
    /// A table that was never there.
    #[error("relation with OID {0} does not exist")]
    NoRelation(u32),
    /// A table without columns that are kept current.
    #[error("no column of table {0} is kept current")]
    NothingKept(String),
    /// A column that is not there.
    #[error("column \"{column}\" of table {table} does not exist")]
    NoColumn {
        /// The column.
        column: String,
        /// The table.
        table: String,
    },
    /// A column that is not kept current.
    #[error("column \"{column}\" of table {table} is not kept current")]
    ColumnNotKept {
        /// The column.
        column: String,
        /// The table.
        table: String,
    },
    /// What tells the rows that are to be marked is more than a condition.
    #[error("what rows are to be marked is not told by one condition")]
    NotACondition,
    /// A column that is to be filled with two things.
    #[error("column \"{0}\" is given twice")]
    ColumnTwice(String),
    /// A ctid that is none.
    #[error("invalid input syntax for type tid: \"{0}\"")]
    Tid(String),
    /// A function that a procedure calls was called by itself.
    #[error("no {0} is under way")]
    NotUnderWay(&'static str),
    /// A procedure that commits was called where nothing can be committed.
    #[error("{0} cannot run inside a transaction block")]
    TransactionBlock(&'static str),
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
            NoTable | NoRelation(_) => Fields::of(ERRCODE_UNDEFINED_TABLE),
            NotOwner(_) => Fields::of(ERRCODE_INSUFFICIENT_PRIVILEGE),
            NoLargeObject => Fields::of(ERRCODE_UNDEFINED_OBJECT),
            NotKept => Fields::of(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
            NothingKept(_) => {
                Fields::hinted(ERRCODE_UNDEFINED_OBJECT, "Call clip_auto_embed() first.")
            }
            NoColumn { .. } => Fields::of(ERRCODE_UNDEFINED_COLUMN),
            ColumnNotKept { .. } => Fields::hinted(
                ERRCODE_UNDEFINED_OBJECT,
                "The view clip_pg.auto_embed lists the columns that are.",
            ),
            Recovery => Fields::of(ERRCODE_READ_ONLY_SQL_TRANSACTION),
            MayNotImport => Fields::explained(
                ERRCODE_INSUFFICIENT_PRIVILEGE,
                "Only roles with privileges of the \"pg_read_server_files\" role may import files of the server.",
                "Files of the client can be copied with psql, see the documentation.",
            ),
            Import(error) => import_fields(error),
            NoImportColumn { wanted, .. } => Fields::hinted(
                ERRCODE_UNDEFINED_COLUMN,
                format!(
                    "Add it as {wanted}, or name another column; what is not to be kept is given as null."
                ),
            ),
            ImportColumnType { wanted, .. } => {
                Fields::hinted(ERRCODE_DATATYPE_MISMATCH, format!("It should be {wanted}."))
            }
            NotACondition => Fields::hinted(
                ERRCODE_SYNTAX_ERROR,
                "Write what would follow WHERE, and no other statement.",
            ),
            ColumnTwice(_) => Fields::hinted(
                ERRCODE_INVALID_PARAMETER_VALUE,
                "Name another column; what is not to be kept is given as null.",
            ),
            Missing(_) => Fields::of(ERRCODE_NULL_VALUE_NOT_ALLOWED),
            BatchSize(_) | Pause(_) => Fields::of(ERRCODE_INVALID_PARAMETER_VALUE),
            Tid(_) => Fields::of(ERRCODE_INVALID_TEXT_REPRESENTATION),
            NotUnderWay(_) => Fields::of(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            TransactionBlock(_) => Fields::explained(
                ERRCODE_ACTIVE_SQL_TRANSACTION,
                "It commits after every batch.",
                "Call it by itself: in autocommit mode, which drivers may have to be told, and not from a function or a block with an EXCEPTION clause.",
            ),
            Statement(_) => Fields::of(ERRCODE_INTERNAL_ERROR),
        }
    }
}

fn import_fields(error: &import::Error) -> Fields {
    use import::Error::*;
    match error {
        RelativeDirectory(_) => Fields::of(ERRCODE_INVALID_NAME),
        Unreadable { source, .. } => Fields::of(file_access(source)),
        TooLarge { .. } => Fields::hinted(
            ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "A value of the type bytea is shorter than 1 GB.",
        ),
        PathEncoding(_) => Fields::of(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
        PathCharacters(_) => Fields::of(ERRCODE_UNTRANSLATABLE_CHARACTER),
    }
}

fn import_message(error: &import::Error) -> String {
    match error {
        import::Error::Unreadable { source, .. } => format!("{error}: {}", reason(source)),
        error => error.to_string(),
    }
}

/// A number as the server writes it.
fn pause(given: Option<f64>) -> String {
    match given {
        None => "null".to_owned(),
        Some(f64::INFINITY) => "Infinity".to_owned(),
        Some(f64::NEG_INFINITY) => "-Infinity".to_owned(),
        Some(number) => number.to_string(),
    }
}
