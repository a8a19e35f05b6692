//! What the tests of several modules need.

pub mod graph;

use crate::session::Runtime;
use graph::Graph;
use serde_json::json;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// A directory that is gone after the test.
pub struct Directory(tempfile::TempDir);

impl Directory {
    /// An empty directory.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and the folders on the way to it.
    pub fn write(&self, file: &str, contents: &[u8]) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// Copies a file of the embedded model.
    pub fn copy(&self, from: &str, to: &str) {
        self.write(to, &fs::read(clip_mini().join(from)).unwrap());
    }

    /// All files of the embedded model that it needs.
    pub fn clip_mini() -> Self {
        let directory = Self::new();
        for file in [
            "config.json",
            "preprocessor_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "onnx/text_model.onnx",
            "onnx/vision_model.onnx",
        ] {
            directory.copy(file, file);
        }
        directory
    }
}

/// The embedded model.
pub fn clip_mini() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/clip-mini")
}

/// ONNX Runtime, if `CLIP_ONNXRUNTIME` tells where it is; tests that run a model do nothing without it.
pub fn runtime() -> Option<Runtime> {
    let Some(path) = env::var_os("CLIP_ONNXRUNTIME") else {
        eprintln!("skipped: CLIP_ONNXRUNTIME does not name ONNX Runtime's library");
        return None;
    };
    Some(Runtime::load(Path::new(&path)).unwrap())
}

/// The words that [`words`] knows, in the order of their ids from 4 on.
pub const WORDS: [&str; 6] = ["cat", "dog", "snow", "house", "page", "text"];

/// A `tokenizer.json` that gives every word an id: 0 pads, 1 and 2 are begin and end, 3 is unknown.
pub fn words() -> Vec<u8> {
    let special = ["<pad>", "<s>", "</s>", "<unk>"];
    let vocabulary: serde_json::Map<_, _> = special
        .iter()
        .chain(&WORDS)
        .zip(0..)
        .map(|(word, id)| (word.to_string(), json!(id)))
        .collect();
    let token = |id: usize| {
        json!({
            "id": id, "content": special[id], "special": true,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        })
    };
    json!({
        "version": "1.0",
        "added_tokens": [token(0), token(1), token(2), token(3)],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "BertProcessing", "cls": ["<s>", 1], "sep": ["</s>", 2]},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    })
    .to_string()
    .into_bytes()
}

/// A model of two graphs in the layout of Hugging Face, with the tokenizer of [`words`].
pub fn model(text: Graph, image: Graph) -> Directory {
    let directory = Directory::new();
    directory.write("onnx/text_model.onnx", &text.file());
    directory.write("onnx/vision_model.onnx", &image.file());
    directory.write("tokenizer.json", &words());
    directory
}
