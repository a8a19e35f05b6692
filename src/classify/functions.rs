//! Embeddings and images to labels.
//!
//! Scores are as the crate has them: similarity `w·x̂` of the vector of a class with the embedding at length 1, logit `scale ·
//! similarity + bias`, and of the logits probabilities.

use std::cell::RefCell;

use classifier::{Classifier, Origin, Scores, Selection};
use half::f16;
use pgrx::{Array, pg_sys::panic::ErrorReport, prelude::*};

use super::{Error, Stored, Value, check_share};
use crate::{
    array::elements,
    error::{Result, Returned},
    inference::embed_image,
    model,
    text::Text,
    vector,
};

thread_local! {
    /// Room for the scores of a row.
    static SCORES: RefCell<Scores> = RefCell::new(Scores::default());
}

/// Scores an embedding, and hands the scores to `work`, which must not call the server.
fn with_scores<R>(
    classifier: &Classifier,
    embedding: &[f16],
    work: impl FnOnce(&Scores) -> R,
) -> Result<R> {
    vector::prefetch(embedding);
    SCORES.with_borrow_mut(|scores| {
        classifier.score(embedding, scores)?;
        Ok(work(scores))
    })
}

/// What the arguments of that name ask for.
fn selection(top_k: Option<i32>, threshold: Option<f64>, margin: Option<f64>) -> Result<Selection> {
    check_share("threshold", threshold)?;
    check_share("margin", margin)?;
    let top_k = match top_k {
        None => usize::MAX,
        Some(top_k) => match usize::try_from(top_k) {
            Ok(top_k) if top_k > 0 => top_k,
            _ => return Err(Error::TopK(top_k).into()),
        },
    };
    Ok(Selection {
        top_k,
        threshold,
        margin,
    })
}

type Row = (Option<Text>, f64, f64);

fn label_of(classifier: &Classifier, class: usize) -> Option<Text> {
    classifier.labels()[class].clone().map(Text::from)
}

fn rows(
    embedding: &[f16],
    classifier: &Classifier,
    selection: Selection,
) -> Result<TableIterator<'static, Row>> {
    let rows = with_scores(classifier, embedding, |scores| {
        let selected = selection.classes(classifier, scores).into_iter();
        let row = |(class, probability)| {
            let similarity = scores.similarities[class];
            (label_of(classifier, class), probability, similarity)
        };
        selected.map(row).collect::<Vec<_>>()
    })?;
    Ok(TableIterator::new(rows))
}

/// The classes of a classifier by how well they describe the picture with this embedding, the likeliest first: at most `top_k`,
/// those of a probability of at least `threshold`, and those whose probability is more than `margin` of that of the first. A
/// distractor has no label. No rows for NULL; NaN for an embedding of norm 0.
#[pg_extern(immutable, parallel_safe, cost = 500)]
fn clip_classify(
    embedding: Option<vector::Stored<'_>>,
    classifier: Option<Stored<'_>>,
    top_k: default!(Option<i32>, "NULL"),
    threshold: default!(Option<f64>, "NULL"),
    margin: default!(Option<f64>, "NULL"),
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(label, Option<Text>),
            name!(probability, f64),
            name!(similarity, f64),
        ),
    >,
    ErrorReport,
> {
    let selection = selection(top_k, threshold, margin)?;
    let (Some(embedding), Some(classifier)) = (embedding, classifier) else {
        return Ok(TableIterator::empty());
    };
    Ok(rows(&embedding, &*classifier.classifier()?, selection)?)
}

/// The classes of a classifier by how well they describe an image file, which its model embeds, like [`clip_classify`].
#[pg_extern(immutable, parallel_restricted, cost = 200000, support = clip_embed_support)]
fn clip_classify_image(
    image: Option<&[u8]>,
    classifier: Option<Stored<'_>>,
    top_k: default!(Option<i32>, "NULL"),
    threshold: default!(Option<f64>, "NULL"),
    margin: default!(Option<f64>, "NULL"),
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(label, Option<Text>),
            name!(probability, f64),
            name!(similarity, f64),
        ),
    >,
    ErrorReport,
> {
    let selection = selection(top_k, threshold, margin)?;
    let (Some(image), Some(classifier)) = (image, classifier) else {
        return Ok(TableIterator::empty());
    };
    let classifier = classifier.classifier()?;
    let model = model_of(&classifier)?;
    let embedding = embed_image(&model, image)?;
    Ok(rows(&embedding, &classifier, selection)?)
}

/// The model that a classifier is for.
fn model_of(classifier: &Classifier) -> Result<model::Model> {
    let Some(Origin { name, identity }) = classifier.origin() else {
        return Err(Error::NoModel.into());
    };
    let model = model::resolve(Some(name))?;
    if model.manifest.identity != *identity {
        return Err(Error::OtherModel {
            name: name.clone(),
            wanted: identity.clone(),
            found: model.manifest.identity.clone(),
        }
        .into());
    }
    Ok(model)
}

/// The likeliest label; NULL for "none of these": where the likeliest class is a distractor, or its probability below `threshold`,
/// or, without one, below the threshold of the label. NULL for NULL and for an embedding of norm 0.
#[pg_extern(immutable, parallel_safe, cost = 300)]
fn clip_label(
    embedding: Option<vector::Stored<'_>>,
    classifier: Option<Stored<'_>>,
    threshold: default!(Option<f64>, "NULL"),
) -> Returned<Option<Text>> {
    check_share("threshold", threshold)?;
    let (Some(embedding), Some(classifier)) = (embedding, classifier) else {
        return Ok(None);
    };
    let classifier = classifier.classifier()?;
    let best = with_scores(&classifier, &embedding, |scores| {
        let class = scores.best()?;
        let threshold = threshold.or(classifier.thresholds()[class]);
        let counts = |least| classifier.probability(&scores.logits, class) >= least;
        threshold.is_none_or(counts).then_some(class)
    })?;
    Ok(best.and_then(|class| label_of(&classifier, class)))
}

/// The labels that count, the likeliest first: among the classes that [`clip_classify`] gives for `top_k` and `margin`, those of a
/// probability of at least `threshold`, or, without one, of at least the threshold of the label, or 0.5 where it has none.
/// NULL for NULL; no labels for an embedding of norm 0.
#[pg_extern(immutable, parallel_safe, cost = 500)]
fn clip_labels(
    embedding: Option<vector::Stored<'_>>,
    classifier: Option<Stored<'_>>,
    top_k: default!(Option<i32>, "NULL"),
    threshold: default!(Option<f64>, "NULL"),
    margin: default!(Option<f64>, "NULL"),
) -> Returned<Option<Vec<Text>>> {
    let selection = selection(top_k, threshold, margin)?;
    let (Some(embedding), Some(classifier)) = (embedding, classifier) else {
        return Ok(None);
    };
    let classifier = classifier.classifier()?;
    let labels = with_scores(&classifier, &embedding, |scores| {
        let selected = selection.labels(&classifier, scores).into_iter();
        let labels = selected.filter_map(|(class, _)| label_of(&classifier, class));
        labels.collect()
    })?;
    Ok(Some(labels))
}

/// How unsure the classifier is, between 0 and 1: 1 less what the likeliest class is ahead of the second. NaN for an embedding of
/// norm 0.
#[pg_extern(immutable, strict, parallel_safe, cost = 400)]
fn clip_uncertainty(embedding: vector::Stored<'_>, classifier: Stored<'_>) -> Returned<f64> {
    let classifier = classifier.classifier()?;
    Ok(with_scores(&classifier, &embedding, |scores| {
        classifier.uncertainty(scores)
    })?)
}

/// The classifier with a threshold for each of the labels, the least probability at which it counts; NULL removes a label's.
#[pg_extern(immutable, strict, parallel_safe)]
fn clip_with_thresholds(
    classifier: Stored<'_>,
    labels: Array<Text>,
    thresholds: Array<f64>,
) -> Returned<Value> {
    let labels = elements("labels", &Some(labels))?;
    let thresholds: Vec<Option<f64>> = thresholds.iter().collect();
    if thresholds.len() != labels.len() {
        return Err(crate::error::Error::from(classifier::Error::Lengths {
            name: "thresholds",
            actual: thresholds.len(),
            labels: labels.len(),
        })
        .into());
    }
    let classifier = classifier.classifier()?;
    let pairs = labels.iter().map(Text::as_str).zip(thresholds);
    let classifier = (*classifier).clone().with_thresholds(pairs);
    Ok(Value::from(&classifier.map_err(crate::error::Error::from)?))
}
