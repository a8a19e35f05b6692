//! Registration: everything about a model that its files and a few probe runs tell.
//!
//! Whatever could fail later fails here: a missing file, a graph that does not load, a text longer than a tower reads,
//! towers that disagree. Liberties that make embedding faster (several rows per run, texts not filled up to the context
//! length) are taken only if the model gives the same embeddings with them as without; never where a graph quantises
//! what it computes by the range it finds, because probes cannot show every range.

mod config;
mod graph;
mod layout;
mod overrides;
mod ports;
mod preprocess;
mod probe;
mod scale;
mod tokenizer;

pub use overrides::Overrides;

use crate::{
    Error, Result,
    cancel::Cancel,
    manifest::{
        Activation, Caveat, FORMAT, ImageTower, LogitSource, Manifest, ModelFile, TextTower, Tower,
    },
    session::{Runtime, Session},
};
use config::ModelConfig;
use ports::{Found, Side};
use probe::{Probe, THREADS};
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
        let mut examine = |side, file, wanted: &Option<String>| {
            tower(
                directory,
                side,
                file,
                wanted.as_deref(),
                &mut sessions,
                open,
            )
        };
        let (text, text_graph) = examine(Side::Text, &graphs.text, &overrides.text_output)?;
        let (image, image_graph) = examine(Side::Image, &graphs.image, &overrides.vision_output)?;
        let length = text.shape.first().copied().flatten();
        let size = match image.shape.as_slice() {
            [_, Some(height), Some(width)] => Some([*height, *width]),
            _ => None,
        };
        let tokenizer = tokenizer::read(directory, &graphs.text, &model, length, overrides)?;
        let (preprocess, described) =
            preprocess::read(directory, &graphs.image, &model, size, overrides)?;
        let size = preprocess.size().unwrap_or_default();
        let english = tokenizer.is_english();
        let manifest = Self {
            format: FORMAT,
            identity: String::new(),
            layout: graphs.layout,
            model_type: model.model_type.clone(),
            dimensions: 0,
            logit_scale: 1.0,
            logit_bias: 0.0,
            logit_source: LogitSource::Family,
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
            caveats: Vec::new(),
        };
        let mut probe = Probe::new(runtime, directory, manifest, cancel);
        let known = overrides.logit_scale.is_some() && overrides.logit_bias.is_some();
        let measured = match graphs.combined.filter(|_| !known) {
            Some(file) => probe.logits(&file, &mut sessions, &tokenizer)?,
            None => None,
        };
        probe.load(tokenizer, sessions);
        let text = probe.texts(length.is_none() && !text_graph.dynamic)?;
        let image = probe.images()?;
        let mut manifest = probe.finish();
        for (tower, found) in [(&manifest.text.tower, text), (&manifest.image.tower, image)] {
            check_dimensions(tower, found, model.dimensions)?;
        }
        if text != image {
            return Err(Error::TowerMismatch { text, image });
        }
        manifest.dimensions = text;
        let logits = scale::choose(overrides, measured, &model);
        (manifest.logit_scale, manifest.logit_bias) = (logits.scale, logits.bias);
        (manifest.activation, manifest.logit_source) = (logits.activation, logits.source);
        let caveats = [
            (!described, Caveat::Preprocessing),
            (logits.borrowed, Caveat::Logits),
            (
                text_graph.integers || image_graph.integers,
                Caveat::Integers,
            ),
            (english, Caveat::English),
        ];
        let holding = caveats.into_iter().filter(|(holds, _)| *holds);
        manifest.caveats = holding.map(|(_, caveat)| caveat).collect();
        manifest.files = hash(directory, &manifest, cancel)?;
        manifest.seal();
        Ok(manifest)
    }
}

/// Compares a tower with what the model's configuration announces: without the projection to a common space a tower is
/// of no use, though its width may happen to be the other's.
fn check_dimensions(tower: &Tower, found: usize, announced: Option<usize>) -> Result<()> {
    match announced {
        Some(expected) if expected != found => Err(Error::Projection {
            file: tower.file.clone(),
            output: tower.output.clone(),
            found,
            expected,
        }),
        _ => Ok(()),
    }
}

/// Loads the graph `file` unless it is, and describes it as the tower for `side`, with the output `wanted`.
fn tower(
    directory: &Path,
    side: Side,
    file: &str,
    wanted: Option<&str>,
    sessions: &mut Vec<(String, Session)>,
    open: impl FnOnce(&str) -> Result<Session>,
) -> Result<(Found, graph::Contents)> {
    // Before ONNX Runtime looks: what it says about a file that is no graph is less clear.
    let contents = graph::examine(directory, file)?;
    if !sessions.iter().any(|(loaded, _)| loaded == file) {
        sessions.push((file.to_owned(), open(file)?));
    }
    let session = sessions.iter().find(|(loaded, _)| loaded == file);
    let (inputs, outputs) = session
        .map(|(_, session)| (session.inputs(), session.outputs()))
        .unwrap_or_default();
    let mut found = ports::find(file, side, &inputs, &outputs, wanted)?;
    found.tower.weights = contents.weights.clone();
    found.tower.single |= contents.dynamic;
    Ok((found, contents))
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

/// Walks over the ONNX graph `file` in `directory`, for the fuzzer.
#[cfg(fuzzing)]
pub fn walk_onnx(directory: &std::path::Path, file: &str) {
    let _ = graph::examine(directory, file);
}

#[cfg(test)]
mod tests;
