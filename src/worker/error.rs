//! What can go wrong between a session and the worker.

use crate::error::{Fields, Report};
use pgrx::PgSqlErrorCode::*;

/// An error that a session meets because another process runs its models.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The worker ended while it had the request.
    #[error("background worker of clip_pg ended while it was embedding")]
    Lost,
    /// The model's images are larger than the seats.
    #[error("image of {bytes} bytes for model \"{model}\" does not fit in a seat of {limit} bytes")]
    SeatTooSmall {
        /// The model.
        model: String,
        /// Pixels as the model takes them, 3 bytes each.
        bytes: usize,
        /// Bytes of a seat's payload.
        limit: usize,
    },
    /// The registry that the worker reads binds the name to no model or to another one.
    #[error("background worker of clip_pg does not know the model \"{0}\"")]
    UnknownModel(String),
}

impl Report for Error {
    fn fields(&self) -> Fields {
        use Error::*;
        match self {
            Lost => Fields::hinted(
                ERRCODE_SYSTEM_ERROR,
                "It is started again. Repeat the command; the server's log tells why it ended.",
            ),
            SeatTooSmall { .. } => Fields::hinted(
                ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                "Have \"clip_pg.seat_payload\" raised, which takes effect when the server is restarted.",
            ),
            UnknownModel(_) => Fields::hinted(
                ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "It looks for models in \"clip_pg.model_directory\" as the configuration file has it, not the session.",
            ),
        }
    }
}
