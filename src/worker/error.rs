//! What can go wrong between a session and the worker.

use crate::error::Failure;

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
    /// The model could not be loaded or run; what the worker says.
    #[error("{}", .0.message)]
    Failed(Failure),
}
