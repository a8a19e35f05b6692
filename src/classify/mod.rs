//! Zero-shot classification in SQL: which label describes a picture best.
//!
//! Labels become prompts, and prompts embeddings, in one call that the process remembers: a query over many pictures
//! runs the text tower once.

mod error;
mod probability;

pub use error::Error;

use crate::{
    embed::{Text, embed_image, embed_texts},
    error::Result,
    model::{self, Model},
    vector::Vector,
};
use pgrx::{Array, pg_sys::panic::ErrorReport, prelude::*};

/// What stands for the label in a template.
const PLACEHOLDER: &str = "{}";

/// How well each label describes an image, in the order of the labels. No rows for a NULL image or NULL labels.
#[pg_extern(
    name = "clip_classify",
    stable,
    parallel_restricted,
    cost = 200000,
    support = clip_embed_support
)]
fn classify_image(
    image: Option<&[u8]>,
    labels: Option<Array<Text>>,
    template: default!(Option<Text>, "'a photo of a {}'"),
    model: default!(Option<Text>, "NULL"),
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(label, Text),
            name!(probability, f64),
            name!(similarity, f64),
        ),
    >,
    ErrorReport,
> {
    let (Some(image), Some(labels)) = (image, labels) else {
        return Ok(TableIterator::empty());
    };
    let model = resolve(model)?;
    let labels = Labels::new(&labels, template)?;
    let image = embed_image(&model, image)?;
    Ok(TableIterator::new(labels.rows(&model, &image)?))
}

/// How well each label describes the image with this embedding, like [`classify_image`].
///
/// Not an overload: clients that leave the types of parameters to the server could call neither.
#[pg_extern(
    name = "clip_classify_embedding",
    stable,
    parallel_restricted,
    cost = 20000,
    support = clip_embed_support
)]
fn classify_embedding(
    embedding: Option<Vector>,
    labels: Option<Array<Text>>,
    template: default!(Option<Text>, "'a photo of a {}'"),
    model: default!(Option<Text>, "NULL"),
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(label, Text),
            name!(probability, f64),
            name!(similarity, f64),
        ),
    >,
    ErrorReport,
> {
    let (Some(embedding), Some(labels)) = (embedding, labels) else {
        return Ok(TableIterator::empty());
    };
    let model = resolve(model)?;
    let labels = Labels::new(&labels, template)?;
    Ok(TableIterator::new(labels.rows(&model, &embedding)?))
}

fn resolve(model: Option<Text>) -> Result<std::rc::Rc<Model>> {
    model::resolve(model.as_ref().map(Text::as_str))
}

/// Labels and the prompts that stand for them.
struct Labels {
    labels: Vec<Text>,
    prompts: Vec<String>,
}

impl Labels {
    fn new(labels: &Array<Text>, template: Option<Text>) -> Result<Self> {
        let labels: Option<Vec<Text>> = labels.iter().collect();
        let labels = labels.ok_or(Error::NullLabel)?;
        if labels.is_empty() {
            return Err(Error::NoLabels.into());
        }
        let template = template.as_ref().map(Text::as_str);
        let Some(template) = template.filter(|template| template.contains(PLACEHOLDER)) else {
            return Err(Error::Template(template.map(str::to_owned)).into());
        };
        let prompt = |label: &Text| template.replace(PLACEHOLDER, label.as_str());
        Ok(Self {
            prompts: labels.iter().map(prompt).collect(),
            labels,
        })
    }

    /// The rows of the result for one embedding.
    fn rows(self, model: &Model, embedding: &Vector) -> Result<Vec<(Text, f64, f64)>> {
        if embedding.dims() != model.manifest.dimensions {
            return Err(Error::Dimensions {
                embedding: embedding.dims(),
                model: model.name.clone(),
                dimensions: model.manifest.dimensions,
            }
            .into());
        }
        let prompts: Vec<&str> = self.prompts.iter().map(String::as_str).collect();
        let similarities: Vec<f64> = embed_texts(model, &prompts)?
            .iter()
            .map(|prompt| 1.0 - kernels::cosine_distance(prompt.halves(), embedding.halves()))
            .collect();
        let probabilities = probability::probabilities(&model.manifest, &similarities);
        let rows = self.labels.into_iter().zip(probabilities).zip(similarities);
        Ok(rows
            .map(|((label, probability), similarity)| (label, probability, similarity))
            .collect())
    }
}

extension_sql_file!(
    "../../sql/classify.sql",
    name = "classify",
    requires = [classify_image, classify_embedding]
);
