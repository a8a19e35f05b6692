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
pub mod thread;

pub use error::Error;
pub use image::progress;
pub use query::{PLACEHOLDER, direction, elements, fill};

use crate::{
    error::{Error as AnyError, Result},
    guc,
    model::Model,
    vector::Vector,
    worker,
};
use imaging::Region;
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
    embed_region(model, image, Region::Full)
}

/// Embeds a region of the image file `image`, or remembers how it was embedded.
fn embed_region(model: &Model, image: &[u8], region: Region) -> Result<Vector> {
    image::trim_at_end();
    // A file is megabytes, which idle sessions should not hold.
    let digest: [u8; 32] = Sha256::digest(image).into();
    let name = region.to_string();
    let inputs = [&digest[..], name.as_bytes()];
    let vectors = memo::remember(Kind::Image, &model.manifest.identity, &inputs, || {
        let pixels = image::region_pixels(model, image, digest, region)?;
        let row = encode_images(model, &[pixels])?;
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
            let pixels = image::pixels(model, image);
            Ok((
                position,
                pixels.map_err(|error| element(position, error.into()))?,
            ))
        });
        let (positions, pixels): (Vec<_>, Vec<_>) =
            pixels.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let rows = encode_images(model, &pixels).map_err(|error| {
            at_fault(error, &positions, |n| {
                encode_images(model, &pixels[n..=n]).map(drop)
            })
        })?;
        extend(&mut vectors, model, &rows)?;
    }
    Ok(vectors)
}

/// The error of a batch as that of the one input that fails by itself, where its inputs are more than one and may be at fault.
fn at_fault(
    error: AnyError,
    positions: &[usize],
    mut alone: impl FnMut(usize) -> Result<()>,
) -> AnyError {
    if !error.is_of_input() {
        return error;
    }
    let failed = positions
        .iter()
        .enumerate()
        .find_map(|(n, &position)| Some((position, alone(n).err()?)));
    match failed {
        Some((position, error)) if error.is_of_input() => element(position, error),
        Some((_, error)) => error,
        None => error,
    }
}

/// An error of an element of an array.
fn element(position: usize, error: AnyError) -> AnyError {
    Error::Element { position, error }.into()
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
    if worker::serves()
        && let Some(rows) = worker::encode_texts(model, texts)?
    {
        return Ok(rows);
    }
    let texts = texts.iter().map(|&text| text.to_owned()).collect();
    encoders::encode_texts(model, guc::threads(), texts)
}

/// Like [`encode_texts`], for pixels.
fn encode_images(model: &Model, images: &[Vec<u8>]) -> Result<Vec<f32>> {
    if worker::serves()
        && let Some(rows) = worker::encode_images(model, images)?
    {
        return Ok(rows);
    }
    encoders::encode_images(model, guc::threads(), images.to_vec())
}

/// Appends `rows` of the model's dimensions.
fn extend(vectors: &mut Vec<Vector>, model: &Model, rows: &[f32]) -> Result<()> {
    for row in rows.chunks_exact(model.manifest.dimensions) {
        vectors.push(Vector::from_f32(row)?);
    }
    Ok(())
}
