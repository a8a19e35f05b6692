//! What the results of a search are worth, and how to show it: the SQL functions of the crate [`retrieval`].

mod error;

use crate::{
    array::elements,
    error::{Error, Result, Returned},
    inference::embed_texts,
    model,
    text::Text,
    vector::Vector,
};
use half::f16;
use pgrx::{Array, check_for_interrupts, prelude::*};
use retrieval::{
    background,
    cutoff::{Answer, MARGIN, Rule, SHARE},
};

/// How clearly the images nearest to a query answer it, rather than being the nearest of images that do not: the margin of
/// [`retrieval::cutoff`], which defines it. 1 is what chance would give. NULL where the query or `nearest` is, or no image
/// can be compared.
///
/// `nearest` holds the embeddings of the images that a search has found, 20 of them, say; NULLs are left out. `among` is how
/// many images were searched, roughly. `background` holds embeddings of two or more texts about other things, by default
/// those of [`background::TEXTS`] by the model, which are embedded once in a session.
#[pg_extern(stable, parallel_restricted, cost = 20000, support = clip_embed_support)]
fn clip_standout(
    query: Option<Vector>,
    nearest: Option<Array<Vector>>,
    among: Option<f64>,
    background: default!(Option<Array<Vector>>, "NULL"),
    model: default!(Option<Text>, "NULL"),
) -> Returned<Option<f64>> {
    let answer = answer(query, nearest, among, background, model)?;
    Ok(answer.map(|answer| answer.margin))
}

/// The cosine distance from a query as far as which images are answers to it, for [`clip_within`](crate::index): NULL where
/// `clip_standout` is NULL or less than `margin`. Within it are images that keep `share`, from 0 to 1, of the lead that the
/// nearest one has: of its similarity to the query over its mean similarity to the background. A `margin` or `share` that is
/// NULL is the default.
#[pg_extern(stable, parallel_restricted, cost = 20000, support = clip_embed_support)]
fn clip_cutoff(
    query: Option<Vector>,
    nearest: Option<Array<Vector>>,
    among: Option<f64>,
    margin: default!(Option<f64>, "1.28"),
    share: default!(Option<f64>, "0.4"),
    background: default!(Option<Array<Vector>>, "NULL"),
    model: default!(Option<Text>, "NULL"),
) -> Returned<Option<f64>> {
    let rule = Rule::new(margin.unwrap_or(MARGIN), share.unwrap_or(SHARE)).map_err(Error::from)?;
    let answer = answer(query, nearest, among, background, model)?;
    Ok(answer.and_then(|answer| answer.radius(rule)))
}

fn answer(
    query: Option<Vector>,
    nearest: Option<Array<Vector>>,
    among: Option<f64>,
    background: Option<Array<Vector>>,
    model: Option<Text>,
) -> Result<Option<Answer>> {
    let (Some(query), Some(nearest)) = (query, nearest) else {
        return Ok(None);
    };
    let nearest: Vec<Vector> = nearest.iter().flatten().collect();
    if nearest.is_empty() {
        return Ok(None);
    }
    let own;
    let texts;
    let background = match background {
        Some(_) => {
            own = elements("background", &background)?;
            halves(&own)
        }
        None => {
            let model = model::resolve(model.as_ref().map(Text::as_str))?;
            texts = embed_texts(&model, &background::TEXTS)?;
            halves(&texts)
        }
    };
    Ok(Answer::of(
        query.halves(),
        &halves(&nearest),
        among,
        &background,
        || {
            check_for_interrupts!();
        },
    )?)
}

fn halves(vectors: &[Vector]) -> Vec<&[f16]> {
    vectors.iter().map(Vector::halves).collect()
}

/// A cosine similarity as a number of dots, for people: none at `low` and below, `dots` at `high` and above, in between the
/// nearest number. NULL for NaN, the similarity of a zero vector.
#[pg_extern(immutable, strict, parallel_safe)]
fn clip_dots(
    similarity: f64,
    low: f64,
    high: f64,
    dots: default!(i32, "5"),
) -> Returned<Option<i32>> {
    let dots = retrieval::dots::dots(similarity, low, high, dots);
    Ok(dots.map_err(Error::from)?)
}

extension_sql_file!(
    "../../sql/search.sql",
    name = "search",
    requires = [clip_standout, clip_cutoff, clip_dots]
);
