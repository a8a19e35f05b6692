//! Embeddings of texts and images in SQL.
//!
//! Texts are tokenized and models run in the [worker](crate::worker), or without one on a [`thread`] of the backend.
//! Images are decoded and resized in the backend, which gives their memory back afterwards and can be interrupted between
//! rows. At most `clip_pg.batch_size` decoded images are held at a time.

pub mod encoders;
mod error;
mod functions;
mod image;
mod memo;
mod query;
mod support;
mod text;
pub mod thread;

pub use error::Error;
pub use text::{Text, from_utf8, to_utf8};

use crate::{error::Result, guc, model::Model, vector::Vector, worker};
use memo::Kind;
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// Embeds `texts`, or remembers how they were embedded.
pub fn embed_texts(model: &Model, texts: &[&str]) -> Result<Rc<[Vector]>> {
    let inputs: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    memo::remember(Kind::Text, &model.manifest.identity, &inputs, || {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(guc::batch_size()) {
            extend(&mut vectors, model, &encode_texts(model, batch)?)?;
        }
        Ok(Rc::from(vectors))
    })
}

/// Embeds `text`, or remembers how it was embedded.
pub fn embed_text(model: &Model, text: &str) -> Result<Vector> {
    Ok(embed_texts(model, &[text])?[0].clone())
}

/// Embeds the image file `image`, or remembers how it was embedded.
pub fn embed_image(model: &Model, image: &[u8]) -> Result<Vector> {
    image::trim_at_end();
    // A file is megabytes, which idle sessions should not hold.
    let digest = Sha256::digest(image);
    let vectors = memo::remember(Kind::Image, &model.manifest.identity, &[&digest], || {
        let pixels = image::pixels(model, image)?;
        let row = encode_images(model, vec![pixels])?;
        Ok(Rc::from([Vector::from_f32(&row)?]))
    })?;
    Ok(vectors[0].clone())
}

/// Embeds the image files `images`, given with their positions in an array, which errors name.
pub fn embed_images<'a>(
    model: &Model,
    images: impl Iterator<Item = (usize, &'a [u8])>,
) -> Result<Vec<Vector>> {
    image::trim_at_end();
    let mut vectors = Vec::new();
    let mut images = images.peekable();
    while images.peek().is_some() {
        let batch = images.by_ref().take(guc::batch_size());
        let pixels = batch.map(|(position, image)| {
            image::pixels(model, image).map_err(|error| Error::Element { position, error })
        });
        let pixels = pixels.collect::<std::result::Result<_, Error>>()?;
        extend(&mut vectors, model, &encode_images(model, pixels)?)?;
    }
    Ok(vectors)
}

/// Where the model with this identity is in memory.
pub fn loaded_in(identity: &str) -> Option<&'static str> {
    if worker::is_loaded(identity) {
        Some("worker")
    } else {
        encoders::is_loaded(identity).then_some("backend")
    }
}

/// Embeds one batch, by the worker or in this process.
fn encode_texts(model: &Model, texts: &[&str]) -> Result<Vec<f32>> {
    if worker::serves() {
        return worker::encode_texts(model, texts);
    }
    let texts = texts.iter().map(|&text| text.to_owned()).collect();
    encoders::encode_texts(model, guc::threads(), texts)
}

/// Like [`encode_texts`], for pixels.
fn encode_images(model: &Model, images: Vec<Vec<u8>>) -> Result<Vec<f32>> {
    if worker::serves() {
        worker::encode_images(model, &images)
    } else {
        encoders::encode_images(model, guc::threads(), images)
    }
}

/// Appends `rows` of the model's dimensions.
fn extend(vectors: &mut Vec<Vector>, model: &Model, rows: &[f32]) -> Result<()> {
    for row in rows.chunks_exact(model.manifest.dimensions) {
        vectors.push(Vector::from_f32(row)?);
    }
    Ok(())
}
