//! What can go wrong with the trigger that keeps embeddings current.

/// An error of the trigger's use. What is wrong with a text or an image itself is a [`clip::Error`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The function was not called as the trigger that `clip_auto_embed` makes.
    #[error("clip_pg.auto_embed() must be called as a trigger made by clip_auto_embed")]
    NotAutoEmbed,
}
