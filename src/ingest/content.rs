//! Embedding the contents of several rows where some may be at fault.

use super::Error;
use crate::{
    error::Result,
    inference::{self, embed_image, embed_images, embed_texts},
    model::Model,
    text::Text,
    vector::Vector,
};

/// What is to be embedded. All of a table's are of one kind.
pub enum Content {
    /// An image file.
    Image(Vec<u8>),
    /// A text.
    Text(Text),
    /// A large object that cannot be read.
    Unreadable,
}

/// Embeds what can be. Fails where no content is at fault.
pub fn embed(model: &Model, contents: &[Content]) -> Result<Vec<Result<Vector>>> {
    let mut outcomes = Vec::with_capacity(contents.len());
    embed_around_faults(model, contents, &mut outcomes)?;
    Ok(outcomes)
}

/// Embeds all at once, or without the one at fault, or in halves where the error does not tell which that is.
fn embed_around_faults(
    model: &Model,
    contents: &[Content],
    outcomes: &mut Vec<Result<Vector>>,
) -> Result<()> {
    let error = match embed_all(model, contents) {
        Ok(vectors) => {
            outcomes.extend(vectors.into_iter().map(Ok));
            return Ok(());
        }
        Err(error) if !error.is_of_input() => return Err(error),
        Err(error) => error,
    };
    if contents.len() == 1 {
        outcomes.push(Err(error));
        return Ok(());
    }
    let fault = match error.get() {
        Some(inference::Error::Element { position, .. }) => position - 1..*position,
        _ => contents.len() / 2..contents.len() / 2,
    };
    embed_around_faults(model, &contents[..fault.start], outcomes)?;
    embed_around_faults(model, &contents[fault.clone()], outcomes)?;
    embed_around_faults(model, &contents[fault.end..], outcomes)
}

fn embed_all(model: &Model, contents: &[Content]) -> Result<Vec<Vector>> {
    let mut images = Vec::new();
    let mut texts = Vec::new();
    for content in contents {
        match content {
            Content::Image(image) => images.push(image.as_slice()),
            Content::Text(text) => texts.push(text.as_str()),
            Content::Unreadable => return Err(Error::NoLargeObject.into()),
        }
    }
    if texts.is_empty() {
        // One image is remembered by itself, so its error names no place in an array.
        match images.as_slice() {
            [image] => Ok(vec![embed_image(model, image)?]),
            images => embed_images(model, (1..).zip(images.iter().copied())),
        }
    } else {
        Ok(embed_texts(model, &texts)?.to_vec())
    }
}
