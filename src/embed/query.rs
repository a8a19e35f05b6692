//! Queries made of several texts, images and vectors.

use super::{Error, embed_image, embed_text};
use crate::{
    error::{Result, Returned},
    guc, model,
    text::{Text, to_utf8},
    vector::Vector,
};
use clip::tokenize::MAX_TEXT_BYTES;
use pgrx::{Array, datum::UnboxDatum, prelude::*};

/// What stands for the text in a template.
pub const PLACEHOLDER: &str = "{}";

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
    let factors = factors(signs, weights)?;

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
    Ok(direction(&terms, &factors)?)
}

/// What a text becomes before it is embedded; empty where it stays as it is.
#[derive(Default)]
struct Template(String);

impl Template {
    fn new(template: &str) -> Result<Self> {
        if template.is_empty() || template.contains(PLACEHOLDER) {
            Ok(Self(template.to_owned()))
        } else {
            Err(Error::Template(template.to_owned()).into())
        }
    }

    fn fill(&self, text: &str) -> Result<String> {
        match self.0.as_str() {
            "" => Ok(text.to_owned()),
            template => fill(template, text),
        }
    }
}

/// A template with a text in its places. One that would be too long for any model is not made: it could take all memory.
pub fn fill(template: &str, text: &str) -> Result<String> {
    let places = template.matches(PLACEHOLDER).count();
    let bytes = template.len() - places * PLACEHOLDER.len() + places * text.len();
    let limit = MAX_TEXT_BYTES;
    match bytes > limit {
        true => Err(clip::Error::TextTooLong { bytes, limit }.into()),
        false => Ok(template.replace(PLACEHOLDER, text)),
    }
}

/// The elements of an array argument, none where the argument is NULL.
pub fn elements<'a, T: UnboxDatum>(
    name: &'static str,
    array: &'a Option<Array<'_, T>>,
) -> Result<Vec<T::As<'a>>> {
    let elements = array.iter().flat_map(|array| array.iter());
    let elements: Option<_> = elements.collect();
    Ok(elements.ok_or(Error::NullElement(name))?)
}

/// What each term is multiplied by: its sign, and its weight where weights are given.
fn factors(signs: Vec<f64>, weights: Option<Vec<f64>>) -> Result<Vec<f64>> {
    if signs.is_empty() {
        return Err(Error::NoTerms.into());
    }
    let Some(weights) = weights else {
        return Ok(signs);
    };
    if weights.len() != signs.len() {
        return Err(Error::WeightCount {
            weights: weights.len(),
            terms: signs.len(),
        }
        .into());
    }
    if let Some(index) = weights.iter().position(|weight| !weight.is_finite()) {
        return Err(Error::Weight(index + 1).into());
    }
    let weighted = signs.iter().zip(weights);
    Ok(weighted.map(|(sign, weight)| sign * weight).collect())
}

/// The unit vector in the direction of the sum of normalised terms. A term of norm zero has no direction to add.
pub fn direction(terms: &[Vector], factors: &[f64]) -> Result<Vector> {
    let dimensions = terms.first().map_or(0, Vector::dims);
    // Of the factors only their relation counts, and squares of large ones would overflow.
    let largest = factors
        .iter()
        .fold(0.0, |largest: f64, factor| largest.max(factor.abs()));
    if largest == 0.0 {
        return Err(Error::ZeroQuery.into());
    }
    let factors: Vec<f64> = factors.iter().map(|factor| factor / largest).collect();
    let mut sum = vec![0.0; dimensions];
    for (term, factor) in terms.iter().zip(&factors) {
        if term.dims() != dimensions {
            return Err(halves::Error::DifferentDimensions(dimensions, term.dims()).into());
        }
        let norm = kernels::norm(term.halves());
        if norm > 0.0 {
            for (sum, value) in sum.iter_mut().zip(term.halves()) {
                *sum += factor * value.to_f64() / norm;
            }
        }
    }
    let norm = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    let scale = factors.iter().map(|factor| factor.abs()).sum::<f64>();
    if norm <= scale * f64::from(f32::EPSILON) {
        return Err(Error::ZeroQuery.into());
    }
    let unit = sum.iter().map(|value| value / norm);
    Ok(Vector::from_numbers(unit)?)
}
