//! What can go wrong where models run.

use crate::error::{self, Fields, Report, reason};
use pgrx::PgSqlErrorCode::*;
use std::io;

/// An error of who runs a model. What is wrong with a text, an image or a model itself is an error of their crates.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text or an image in an array is at fault.
    #[error("{error}")]
    Element {
        /// Its position, from 1.
        position: usize,
        /// What is wrong with it.
        error: error::Error,
    },
    /// The thread that models run on.
    #[error("could not run a thread: {}", reason(.0))]
    Thread(io::Error),
    /// Nobody runs models, which cannot be.
    #[error("there is nothing that runs models")]
    NoEngine,
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
    /// The worker does not find the model where the session has found it.
    #[error("background worker of clip_pg does not know the model \"{0}\"")]
    UnknownModel(String),
}

impl Report for Error {
    fn fields(&self) -> Fields {
        use Error::*;
        match self {
            Element { position, error } => error
                .fields()
                .detail(format!("Element {position} of the array is at fault.")),
            Thread(_) => Fields::hinted(
                ERRCODE_INSUFFICIENT_RESOURCES,
                "The operating system limits how many processes and threads the server's user may have; sessions need no thread where a background worker runs the models.",
            ),
            NoEngine => Fields::of(ERRCODE_INTERNAL_ERROR),
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
                "It may have been unregistered meanwhile, or the path of its description in \"clip_pg.model_directory\" is longer than 1023 bytes.",
            ),
        }
    }

    fn without_paths(&self) -> Option<String> {
        match self {
            Self::Element { error, .. } => error.without_paths(),
            _ => None,
        }
    }

    fn is_of_input(&self) -> bool {
        matches!(self, Self::Element { .. }) && self.fields().may_be_of_input()
    }
}
