//! The description of one model: which files it consists of, what goes into its towers and what comes out.
//!
//! [`Manifest::inspect`] reads it out of a model directory once, at registration; afterwards the manifest alone says
//! how texts and images become vectors, and configuration files are not read again. Its `identity` covers everything
//! that decides what an embedding means, and nothing else: not how the towers are run, which the probe may find out
//! otherwise on another processor, and not what turns similarities into probabilities, which may be set right later.

mod caveat;

pub use crate::files::ModelFile;
pub use caveat::Caveat;
pub(crate) use caveat::PREPROCESSING;
use imaging::preprocess::Preprocess;

use crate::{
    files,
    session::Dtype,
    tokenize::{Padding, TokenizerSpec},
};
use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest, Sha256};

/// Version of the JSON that a [`Manifest`] is written as.
pub(crate) const FORMAT: u32 = 1;

/// Description of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this structure; reading any other fails.
    #[serde(deserialize_with = "supported_format")]
    pub format: u32,
    /// SHA-256 over what decides what an embedding means, the hashes of the files included, hexadecimal.
    pub identity: String,
    /// How the directory is organised.
    pub layout: Layout,
    /// `model_type` of the model's `config.json`, or the family it was recognised as.
    pub model_type: String,
    /// Length of an embedding.
    pub dimensions: usize,
    /// Factor from cosine similarity to logit.
    pub logit_scale: f64,
    /// Added to the scaled similarity; 0 for models trained with softmax.
    pub logit_bias: f64,
    /// Where the factor comes from.
    pub logit_source: LogitSource,
    /// How logits become probabilities.
    pub activation: Activation,
    /// The tower for texts.
    pub text: TextTower,
    /// The tower for images.
    pub image: ImageTower,
    /// Every file needed to embed, each once.
    pub files: Vec<ModelFile>,
    /// What those who use the model should know of it.
    pub caveats: Vec<Caveat>,
}

/// How the files of a model are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `onnx/text_model.onnx` and `onnx/vision_model.onnx`, as on Hugging Face.
    HuggingFace,
    /// `textual/model.onnx` and `visual/model.onnx`, as Immich has them.
    Immich,
    /// `textual.onnx` and `visual.onnx`, as rclip and clip-as-service have them.
    Rclip,
    /// `text_model.onnx` and `vision_model.onnx` in the directory itself, or files named by the caller.
    Flat,
    /// Two downloaded directories beside each other, one for texts and one for images.
    Pair,
    /// One graph with both towers.
    Combined,
}

/// How logits become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Over all labels (CLIP).
    Softmax,
    /// Each label by itself (SigLIP).
    Sigmoid,
}

/// Where a model's logit scale comes from, the surest source first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogitSource {
    /// Whoever registered the model.
    Options,
    /// A graph that computes logits.
    Graph,
    /// The model's configuration.
    Configuration,
    /// What models of its family have.
    Family,
}

/// A graph, or the half of one, that embeds one kind of thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tower {
    /// ONNX file, relative to the model directory.
    pub file: String,
    /// Files that hold the graph's weights, if it does not hold them itself.
    pub weights: Vec<String>,
    /// Every input of the graph.
    pub inputs: Vec<Input>,
    /// Name of the output that is the embedding, `[rows, dimensions]`.
    pub output: String,
    /// Whether a run takes one row only: the graph says so, or rows of a larger batch influence each other.
    pub single: bool,
    /// Rows fed to the inputs of the other tower where one graph holds both.
    pub idle_rows: usize,
}

/// An input of a graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Name in the graph.
    pub name: String,
    /// What goes there.
    pub role: Role,
    /// Element type in the graph.
    pub dtype: Dtype,
}

/// What an input of a graph is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Token ids, `[rows, tokens]`.
    TokenIds,
    /// 1 for a token of the text, 0 for padding, `[rows, tokens]`.
    AttentionMask,
    /// BERT's segment ids, all 0, `[rows, tokens]`.
    TokenTypes,
    /// Normalised pixels, `[rows, 3, height, width]`.
    Pixels,
}

/// The text side of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextTower {
    /// The graph.
    #[serde(flatten)]
    pub tower: Tower,
    /// How texts become token ids.
    pub tokenizer: TokenizerSpec,
}

/// The image side of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageTower {
    /// The graph.
    #[serde(flatten)]
    pub tower: Tower,
    /// Pixels the graph takes, `[height, width]`.
    pub size: [u32; 2],
    /// How images become pixels of that size.
    pub preprocess: Preprocess,
}

impl Manifest {
    /// The recorded file at `path`, relative to the model directory.
    pub fn file(&self, path: &str) -> Option<&ModelFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Bytes of the files that hold `tower`.
    pub fn tower_bytes(&self, tower: &Tower) -> u64 {
        let files = std::iter::once(&tower.file).chain(&tower.weights);
        files
            .filter_map(|path| self.file(path))
            .map(|file| file.bytes)
            .sum()
    }

    /// Writes the identity into the manifest.
    pub(crate) fn seal(&mut self) {
        let mut essence = self.clone();
        essence.identity.clear();
        (essence.logit_scale, essence.logit_bias) = (1.0, 0.0);
        (essence.activation, essence.logit_source) = (Activation::Softmax, LogitSource::Family);
        essence.caveats.clear();
        essence.text.tokenizer.padding = Padding::Full;
        for tower in [&mut essence.text.tower, &mut essence.image.tower] {
            (tower.single, tower.idle_rows) = (true, 0);
        }
        // Serialising plain data with string keys cannot fail; an empty text would still be a stable identity.
        let description = serde_json::to_vec(&essence).unwrap_or_default();
        self.identity = files::hexadecimal(&Sha256::digest(description));
    }
}

fn supported_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        FORMAT => Ok(FORMAT),
        other => Err(de::Error::custom(format!(
            "manifest format {other} is not supported, only {FORMAT} is"
        ))),
    }
}
