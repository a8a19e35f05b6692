//! Texts and images to embeddings, whoever runs the model.
//!
//! An [`Engine`] turns texts, or the pixels of images, into rows: the [worker](worker), which all sessions share, or else
//! the [session] itself, on a [thread]. Pictures are [decoded](picture) in the session in any case. What was embedded lately
//! is remembered by the session in a [memo], and texts by the worker for all sessions, under the same keys.
//!
//! At most `clip_pg.batch_size` decoded images are held at a time.

mod error;
mod memo;
mod picture;
mod session;
mod thread;
mod worker;

pub use error::Error;
pub use picture::{digest, interrupts, limits, trim_at_end, use_libraries};
pub use thread::run;
pub use worker::register;

use crate::{
    error::{Error as AnyError, Result},
    guc,
    model::Model,
    vector::Vector,
};
use exchange::key::Kind;
use imaging::Part;
use session::Session;
use std::rc::Rc;
use worker::Worker;

/// What is embedded at once.
#[derive(Clone, Copy)]
enum Inputs<'a> {
    /// Texts.
    Texts(&'a [&'a str]),
    /// Images, each as [`imaging::pixels`] gives it.
    Images(&'a [Vec<u8>]),
}

/// Where models run.
trait Engine: Sync {
    /// What `clip_models` calls it.
    fn name(&self) -> &'static str;

    /// Whether it has loaded a tower of the model with this identity.
    fn has_loaded(&self, identity: &str) -> bool;

    /// Embeds `inputs`; returns them row by row, each of the model's dimensions and of norm 1. None where the engine is not
    /// there.
    fn embed(&self, model: &Model, inputs: Inputs) -> Result<Option<Vec<f32>>>;
}

/// All engines, the one that is to be asked first. The last one is always there.
static ENGINES: [&dyn Engine; 2] = [&Worker, &Session];

/// Where the model with this identity is in memory.
pub fn loaded_in(identity: &str) -> Option<&'static str> {
    let engine = ENGINES.iter().find(|engine| engine.has_loaded(identity))?;
    Some(engine.name())
}

/// Embeds one batch.
fn encode(model: &Model, inputs: Inputs) -> Result<Vec<f32>> {
    for engine in ENGINES {
        if let Some(rows) = engine.embed(model, inputs)? {
            return Ok(rows);
        }
    }
    Err(Error::NoEngine.into())
}

/// Embeds `texts`, or remembers how they were embedded.
pub fn embed_texts(model: &Model, texts: &[&str]) -> Result<Rc<[Vector]>> {
    let inputs = texts.iter().map(|text| text.as_bytes());
    memo::remember(Kind::Text, &model.manifest.identity, inputs, || {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(guc::batch_size()) {
            extend(&mut vectors, model, &encode(model, Inputs::Texts(batch))?)?;
        }
        Ok(Rc::from(vectors))
    })
}

/// Embeds texts that are given with their positions in an array, which errors name.
pub fn embed_texts_at(model: &Model, positions: &[usize], texts: &[&str]) -> Result<Rc<[Vector]>> {
    let alone = |n: usize| embed_text(model, texts[n]).map(drop);
    embed_texts(model, texts).map_err(|error| at_fault(error, positions, alone))
}

/// Embeds `text`, or remembers how it was embedded.
pub fn embed_text(model: &Model, text: &str) -> Result<Vector> {
    Ok(embed_texts(model, &[text])?[0].clone())
}

/// Embeds the image file `image`, or remembers how it was embedded.
pub fn embed_image(model: &Model, image: &[u8]) -> Result<Vector> {
    embed_part(model, image, Part::default())
}

/// Embeds a page of the image file `image`, or a region of that, or remembers how it was embedded.
pub fn embed_part(model: &Model, image: &[u8], part: Part) -> Result<Vector> {
    trim_at_end();
    // A file is megabytes, which idle sessions should not hold.
    let digest = picture::digest(image);
    let region = part.region.to_string();
    let page = part.page.map_or_else(String::new, |page| page.to_string());
    let inputs = [&digest[..], region.as_bytes(), page.as_bytes()];
    let inputs = inputs.into_iter();
    let vectors = memo::remember(Kind::Image, &model.manifest.identity, inputs, || {
        let pixels = picture::pixels(model, image, || digest, part)?;
        let row = encode(model, Inputs::Images(&[pixels]))?;
        Ok(Rc::from([Vector::from_f32(&row)?]))
    })?;
    Ok(vectors[0].clone())
}

/// Embeds parts of the image files `images`, given with their positions in an array, which errors name.
pub fn embed_images<'a>(
    model: &Model,
    images: impl Iterator<Item = (usize, &'a [u8], Part)>,
) -> Result<Vec<Vector>> {
    trim_at_end();
    let mut vectors = Vec::new();
    let mut images = images.peekable();
    while images.peek().is_some() {
        let batch = images.by_ref().take(guc::batch_size());
        let pixels = batch.map(|(position, image, part)| {
            let digest = || picture::digest(image);
            let pixels = picture::pixels(model, image, digest, part);
            let pixels = pixels.map_err(|error| element(position, error.into()))?;
            Ok((position, pixels))
        });
        let (positions, pixels): (Vec<_>, Vec<_>) =
            pixels.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let alone = |n: usize| encode(model, Inputs::Images(&pixels[n..=n])).map(drop);
        let rows = encode(model, Inputs::Images(&pixels))
            .map_err(|error| at_fault(error, &positions, alone))?;
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

/// Appends `rows` of the model's dimensions.
fn extend(vectors: &mut Vec<Vector>, model: &Model, rows: &[f32]) -> Result<()> {
    for row in rows.chunks_exact(model.manifest.dimensions) {
        vectors.push(Vector::from_f32(row)?);
    }
    Ok(())
}
