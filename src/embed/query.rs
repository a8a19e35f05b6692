//! Queries made of several texts, images and vectors.

use super::Error;
use crate::{
    array::elements,
    error::{self, Result, Returned},
    guc,
    inference::{embed_image, embed_text},
    model,
    text::{Text, to_utf8},
    vector::Vector,
};
use clip::template::{fill, has_place};
use half::f16;
use pgrx::{Array, prelude::*};
use retrieval::query::{direction, factors};

/// The direction of the weighted mean of all terms: texts, images, minus_texts, minus_images, vectors and minus_vectors,
/// in that order. Each is normalised first, those whose name begins with `minus` count negatively. Texts are what the
/// template, by default the setting `clip_pg.query_template`, makes of them.
#[pg_extern(stable, parallel_restricted, cost = 200000, support = clip_embed_support)]
#[allow(clippy::too_many_arguments)] // They are named in SQL.
fn clip_query(
    texts: default!(Option<Array<Text>>, "NULL"),
    images: default!(Option<Array<&[u8]>>, "NULL"),
    minus_texts: default!(Option<Array<Text>>, "NULL"),
    minus_images: default!(Option<Array<&[u8]>>, "NULL"),
    vectors: default!(Option<Array<Vector>>, "NULL"),
    minus_vectors: default!(Option<Array<Vector>>, "NULL"),
    weights: default!(Option<Array<f64>>, "NULL"),
    model: default!(Option<Text>, "NULL"),
    template: default!(Option<Text>, "NULL"),
) -> Returned<Vector> {
    let texts = elements("texts", &texts)?;
    let images = elements("images", &images)?;
    let minus_texts = elements("minus_texts", &minus_texts)?;
    let minus_images = elements("minus_images", &minus_images)?;
    let vectors = elements("vectors", &vectors)?;
    let minus_vectors = elements("minus_vectors", &minus_vectors)?;
    let template = match template {
        Some(given) => Template::new(given.as_str())?,
        None if texts.is_empty() && minus_texts.is_empty() => Template::default(),
        None => Template::new(&to_utf8(guc::query_template().to_bytes()))?,
    };
    let signs = [
        (texts.len() + images.len(), 1.0),
        (minus_texts.len() + minus_images.len(), -1.0),
        (vectors.len(), 1.0),
        (minus_vectors.len(), -1.0),
    ];
    let signs = signs.map(|(count, sign)| vec![sign; count]).concat();
    let weights = match &weights {
        Some(_) => Some(elements("weights", &weights)?),
        None => None,
    };
    let factors = factors(signs, weights.as_deref()).map_err(error::Error::from)?;

    let mut terms = Vec::with_capacity(factors.len());
    // Vectors alone need no model.
    if factors.len() > vectors.len() + minus_vectors.len() {
        let model = model::resolve(model.as_ref().map(Text::as_str))?;
        for (texts, images) in [(texts, images), (minus_texts, minus_images)] {
            for text in texts {
                terms.push(embed_text(&model, &template.fill(text.as_str())?)?);
            }
            for image in images {
                terms.push(embed_image(&model, image)?);
            }
        }
    }
    terms.extend(vectors);
    terms.extend(minus_vectors);
    let terms: Vec<&[f16]> = terms.iter().map(Vector::halves).collect();
    let unit = direction(&terms, &factors).map_err(error::Error::from)?;
    Ok(Vector::from_numbers(unit)?)
}

/// What a text becomes before it is embedded; empty where it stays as it is.
#[derive(Default)]
struct Template(String);

impl Template {
    fn new(template: &str) -> Result<Self> {
        if template.is_empty() || has_place(template) {
            Ok(Self(template.to_owned()))
        } else {
            Err(Error::Template(template.to_owned()).into())
        }
    }

    fn fill(&self, text: &str) -> Result<String> {
        match self.0.as_str() {
            "" => Ok(text.to_owned()),
            template => Ok(fill(template, text)?),
        }
    }
}
