//! The embedding functions of SQL.
//!
//! With the model named they are immutable: a name is bound to its files for ever. With the default model, which is a
//! setting, they are stable.

use crate::{
    error::{Error, Result, Returned},
    inference::{embed_image, embed_images, embed_region, embed_text, embed_texts_at},
    model,
    text::Text,
    vector::Vector,
};
use pgrx::{Array, prelude::*};

/// The embedding of a text by the default model.
#[pg_extern(
    name = "clip_embed_text",
    stable,
    strict,
    parallel_restricted,
    cost = 100000,
    support = clip_embed_support
)]
fn embed_text_by_default(text: Text) -> Returned<Vector> {
    Ok(text_vector(&text, None)?)
}

/// The embedding of a text by the model of that name.
#[pg_extern(immutable, strict, parallel_restricted, cost = 100000, support = clip_embed_support)]
fn clip_embed_text(text: Text, model: Text) -> Returned<Vector> {
    Ok(text_vector(&text, Some(&model))?)
}

/// The embeddings of several texts by the default model.
#[pg_extern(
    name = "clip_embed_texts",
    stable,
    strict,
    parallel_restricted,
    cost = 1000000,
    support = clip_embed_support
)]
fn embed_texts_by_default(texts: Array<Text>) -> Returned<Vec<Option<Vector>>> {
    Ok(text_vectors(&texts, None)?)
}

/// The embeddings of several texts by the model of that name.
#[pg_extern(immutable, strict, parallel_restricted, cost = 1000000, support = clip_embed_support)]
fn clip_embed_texts(texts: Array<Text>, model: Text) -> Returned<Vec<Option<Vector>>> {
    Ok(text_vectors(&texts, Some(&model))?)
}

/// The embedding of an image file by the default model.
#[pg_extern(name = "clip_embed_image", stable, strict, parallel_restricted, cost = 200000, support = clip_embed_support)]
fn embed_image_by_default(image: &[u8]) -> Returned<Vector> {
    let model = model::resolve(None)?;
    Ok(embed_image(&model, image)?)
}

/// The embedding of an image file, or of a region of it, by the model of that name.
///
/// The region is one of the IIIF Image API 3.0, section 4.1: `full`, `square`, `x,y,w,h` in pixels, `pct:x,y,w,h`. It is cut
/// out of the picture the right way up, before anything else.
#[pg_extern(immutable, strict, parallel_restricted, cost = 200000, support = clip_embed_support)]
fn clip_embed_image(
    image: &[u8],
    model: Text,
    region: default!(Text, "'full'"),
) -> Returned<Vector> {
    let region = region.as_str().parse().map_err(Error::from)?;
    let model = model::resolve(Some(model.as_str()))?;
    Ok(embed_region(&model, image, region)?)
}

/// The embeddings of several image files by the default model.
#[pg_extern(
    name = "clip_embed_images",
    stable,
    strict,
    parallel_restricted,
    cost = 2000000
)]
fn embed_images_by_default(images: Array<&[u8]>) -> Returned<Vec<Option<Vector>>> {
    Ok(image_vectors(&images, None)?)
}

/// The embeddings of several image files by the model of that name.
#[pg_extern(immutable, strict, parallel_restricted, cost = 2000000)]
fn clip_embed_images(images: Array<&[u8]>, model: Text) -> Returned<Vec<Option<Vector>>> {
    Ok(image_vectors(&images, Some(&model))?)
}

fn text_vector(text: &Text, model: Option<&Text>) -> Result<Vector> {
    let model = model::resolve(model.map(Text::as_str))?;
    embed_text(&model, text.as_str())
}

fn text_vectors(texts: &Array<Text>, model: Option<&Text>) -> Result<Vec<Option<Vector>>> {
    let model = model::resolve(model.map(Text::as_str))?;
    let texts: Vec<Option<Text>> = texts.iter().collect();
    let given = (1..).zip(&texts);
    let given = given.filter_map(|(position, text)| Some((position, text.as_ref()?.as_str())));
    let (positions, given): (Vec<usize>, Vec<&str>) = given.unzip();
    let vectors = embed_texts_at(&model, &positions, &given)?;
    let nulls = texts.iter().map(Option::is_none);
    Ok(spread(nulls, vectors.iter().cloned()))
}

fn image_vectors(images: &Array<&[u8]>, model: Option<&Text>) -> Result<Vec<Option<Vector>>> {
    let model = model::resolve(model.map(Text::as_str))?;
    let given = (1..).zip(images.iter());
    let given = given.filter_map(|(position, image)| Some((position, image?)));
    let vectors = embed_images(&model, given)?;
    let nulls = images.iter().map(|image| image.is_none());
    Ok(spread(nulls, vectors.into_iter()))
}

/// Puts `vectors` where there is no NULL.
fn spread(
    nulls: impl Iterator<Item = bool>,
    mut vectors: impl Iterator<Item = Vector>,
) -> Vec<Option<Vector>> {
    nulls
        .map(|null| if null { None } else { vectors.next() })
        .collect()
}

extension_sql_file!(
    "../../sql/embed.sql",
    name = "embed",
    requires = [
        embed_text_by_default,
        clip_embed_text,
        embed_texts_by_default,
        clip_embed_texts,
        embed_image_by_default,
        clip_embed_image,
        embed_images_by_default,
        clip_embed_images,
        clip_embed_support,
        clip_image_info,
        clip_image_metadata,
        clip_thumbnail,
        clip_query,
    ]
);
