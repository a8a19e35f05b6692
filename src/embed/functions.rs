//! The embedding functions of SQL.
//!
//! With the model named they are immutable: a name is bound to its files for ever. With the default model, which is a
//! setting, they are stable.

use super::Error;
use crate::{
    error::{Result, Returned},
    inference::{embed_image, embed_images, embed_part, embed_text, embed_texts_at},
    model,
    text::Text,
    vector::Vector,
};
use imaging::Part;
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
    let part = part(None, Some(&region))?;
    let model = model::resolve(Some(model.as_str()))?;
    Ok(embed_part(&model, image, part)?)
}

/// The embedding of a page of an image file, from 1, or of a region of that, by the model of that name.
#[pg_extern(name = "clip_embed_image", immutable, strict, parallel_restricted, cost = 200000, support = clip_embed_support)]
fn embed_page(
    image: &[u8],
    model: Text,
    page: i32,
    region: default!(Text, "'full'"),
) -> Returned<Vector> {
    let part = part(Some(page), Some(&region))?;
    let model = model::resolve(Some(model.as_str()))?;
    Ok(embed_part(&model, image, part)?)
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
    Ok(image_vectors(&images, None, None, None)?)
}

/// The embeddings of several image files by the model of that name.
#[pg_extern(immutable, strict, parallel_restricted, cost = 2000000)]
fn clip_embed_images(images: Array<&[u8]>, model: Text) -> Returned<Vec<Option<Vector>>> {
    Ok(image_vectors(&images, Some(&model), None, None)?)
}

/// The embeddings of a region of each of several image files by the model of that name; a region that is null is all of its
/// picture.
#[pg_extern(
    name = "clip_embed_images",
    immutable,
    strict,
    parallel_restricted,
    cost = 2000000
)]
fn embed_image_regions(
    images: Array<&[u8]>,
    model: Text,
    regions: Array<Text>,
) -> Returned<Vec<Option<Vector>>> {
    Ok(image_vectors(&images, Some(&model), None, Some(&regions))?)
}

/// The embeddings of a page of each of several image files, or of a region of that, by the model of that name; a page that
/// is null is the picture that is meant where none is named.
#[pg_extern(
    name = "clip_embed_images",
    immutable,
    parallel_restricted,
    cost = 2000000
)]
fn embed_image_pages(
    images: Option<Array<&[u8]>>,
    model: Option<Text>,
    pages: Option<Array<i32>>,
    regions: default!(Option<Array<Text>>, "NULL"),
) -> Returned<Option<Vec<Option<Vector>>>> {
    let (Some(images), Some(model), Some(pages)) = (images, model, pages) else {
        return Ok(None);
    };
    let vectors = image_vectors(&images, Some(&model), Some(&pages), regions.as_ref())?;
    Ok(Some(vectors))
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

/// A page, from 1, and a region as SQL has them.
fn part(page: Option<i32>, region: Option<&Text>) -> Result<Part> {
    let region = match region {
        Some(region) => region.as_str().parse()?,
        None => Default::default(),
    };
    Ok(Part { page, region })
}

fn image_vectors(
    images: &Array<&[u8]>,
    model: Option<&Text>,
    pages: Option<&Array<i32>>,
    regions: Option<&Array<Text>>,
) -> Result<Vec<Option<Vector>>> {
    let model = model::resolve(model.map(Text::as_str))?;
    let lengths = [
        ("pages", pages.map(Array::len)),
        ("regions", regions.map(Array::len)),
    ];
    for (name, length) in lengths {
        if let Some(length) = length.filter(|&length| length != images.len()) {
            let images = images.len();
            return Err(Error::Lengths {
                name,
                length,
                images,
            }
            .into());
        }
    }
    let pages: Option<Vec<Option<i32>>> = pages.map(|pages| pages.iter().collect());
    let regions: Option<Vec<Option<Text>>> = regions.map(|regions| regions.iter().collect());
    let mut given = Vec::new();
    for (n, image) in images.iter().enumerate() {
        let Some(image) = image else {
            continue;
        };
        let page = pages.as_ref().and_then(|pages| pages[n]);
        let region = regions.as_ref().and_then(|regions| regions[n].as_ref());
        given.push((n + 1, image, part(page, region)?));
    }
    let vectors = embed_images(&model, given.into_iter())?;
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
        embed_page,
        embed_images_by_default,
        clip_embed_images,
        embed_image_regions,
        embed_image_pages,
        clip_embed_support,
        clip_image_info,
        page_info,
        clip_image_pages,
        clip_image_metadata,
        clip_thumbnail,
        page_thumbnail,
        clip_query,
    ]
);
