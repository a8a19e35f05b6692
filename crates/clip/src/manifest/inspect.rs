//! Registration: everything about a model that its files and a few probe runs tell.
//!
//! Whatever could fail later fails here: a missing file, a graph that does not load, towers that disagree. Liberties
//! that make embedding faster (several rows per run, texts not filled up to the context length) are taken only if the
//! model gives the same embeddings with them as without.

use super::{
    Activation, FORMAT, ImageTower, Manifest, ModelFile, Overrides, TextTower,
    config::ModelConfig,
    layout, onnx,
    ports::{self, Found, Side},
    preprocess,
    probe::{Probe, THREADS},
    scale, tokenizer,
};
use crate::{
    Error, Result,
    encoder::Cancel,
    session::{Runtime, Session},
};
use std::path::Path;

impl Manifest {
    /// Describes the model in `directory`. Takes seconds for a large model: it is hashed, loaded and run.
    pub fn inspect(
        directory: &Path,
        overrides: &Overrides,
        runtime: &Runtime,
        cancel: &Cancel,
    ) -> Result<Self> {
        let graphs = layout::find(directory, overrides)?;
        let model = ModelConfig::read(directory, &graphs.text)?;
        let mut sessions = Vec::new();
        let open = |file: &str| Session::open(runtime, directory, file, THREADS, cancel);
        let text = tower(directory, Side::Text, &graphs.text, &mut sessions, open)?;
        let image = tower(directory, Side::Image, &graphs.image, &mut sessions, open)?;
        let length = text.shape.first().copied().flatten();
        let size = match image.shape.as_slice() {
            [_, Some(height), Some(width)] => Some([*height, *width]),
            _ => None,
        };
        let tokenizer = tokenizer::read(directory, &graphs.text, &model, length, overrides)?;
        let preprocess = preprocess::read(directory, &graphs.image, &model, size, overrides)?;
        let size = preprocess.size().unwrap_or_default();
        let manifest = Self {
            format: FORMAT,
            identity: String::new(),
            layout: graphs.layout,
            model_type: model.model_type.clone(),
            dimensions: 0,
            logit_scale: 1.0,
            logit_bias: 0.0,
            activation: Activation::Softmax,
            text: TextTower {
                tower: text.tower,
                tokenizer: tokenizer.spec().clone(),
            },
            image: ImageTower {
                tower: image.tower,
                size,
                preprocess,
            },
            files: Vec::new(),
        };
        let mut probe = Probe::new(runtime, directory, manifest, cancel);
        let known = overrides.logit_scale.is_some() && overrides.logit_bias.is_some();
        let measured = match graphs.combined.filter(|_| !known) {
            Some(file) => probe.logits(&file, &mut sessions, &tokenizer)?,
            None => None,
        };
        probe.load(tokenizer, sessions);
        let text = probe.texts(length.is_none())?;
        let image = probe.images()?;
        if text != image {
            return Err(Error::TowerMismatch { text, image });
        }
        let mut manifest = probe.finish();
        manifest.dimensions = text;
        let logits = scale::choose(overrides, measured, &model);
        (manifest.logit_scale, manifest.logit_bias) = (logits.scale, logits.bias);
        manifest.activation = logits.activation;
        manifest.files = hash(directory, &manifest, cancel)?;
        manifest.seal();
        Ok(manifest)
    }
}

/// Loads the graph `file` unless it is, and describes it as the tower for `side`.
fn tower(
    directory: &Path,
    side: Side,
    file: &str,
    sessions: &mut Vec<(String, Session)>,
    open: impl FnOnce(&str) -> Result<Session>,
) -> Result<Found> {
    // Before ONNX Runtime looks: what it says about a file that is no graph is less clear.
    let weights = onnx::external_data(directory, file)?;
    if !sessions.iter().any(|(loaded, _)| loaded == file) {
        sessions.push((file.to_owned(), open(file)?));
    }
    let session = sessions.iter().find(|(loaded, _)| loaded == file);
    let (inputs, outputs) = session
        .map(|(_, session)| (session.inputs(), session.outputs()))
        .unwrap_or_default();
    let mut found = ports::find(file, side, &inputs, &outputs)?;
    found.tower.weights = weights;
    Ok(found)
}

/// Hashes every file that embedding needs, each once.
fn hash(directory: &Path, manifest: &Manifest, cancel: &Cancel) -> Result<Vec<ModelFile>> {
    let towers = [&manifest.text.tower, &manifest.image.tower];
    let graphs = towers
        .iter()
        .flat_map(|tower| std::iter::once(&tower.file).chain(&tower.weights));
    let mut paths: Vec<_> = graphs.chain([&manifest.text.tokenizer.file]).collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .map(|path| ModelFile::read(directory, path, cancel))
        .collect()
}
