//! Registration of models in every layout, made of graphs of a few nodes.

mod combined;
mod probes;

use super::*;
use crate::{
    Error, Result,
    cancel::Cancel,
    manifest::{Layout, Role},
    session::{Dtype, Runtime},
    testing::{
        self, Directory,
        graph::{DIMENSIONS, FLOAT, Graph, INT64, SIDE},
    },
    tokenize::{Clean, Padding},
};
use imaging::preprocess::{Alpha, Resize};
use serde_json::{Value, json};

fn inspect(directory: &Directory, runtime: &Runtime, options: Value) -> Result<Manifest> {
    let overrides = Overrides::from_json(&options)?;
    Manifest::inspect(directory.path(), &overrides, runtime, &Cancel::default())
}

fn described(directory: &Directory, runtime: &Runtime) -> Manifest {
    inspect(directory, runtime, json!({})).unwrap()
}

fn plain() -> Directory {
    testing::model(Graph::text(INT64, &[0, 0]), Graph::image(0))
}

#[test]
fn the_embedded_model_is_described() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let manifest = described(&Directory::clip_mini(), &runtime);
    assert_eq!(
        (
            manifest.layout,
            manifest.model_type.as_str(),
            manifest.dimensions
        ),
        (Layout::HuggingFace, "clip", 512)
    );
    assert!((manifest.logit_scale - 27.4).abs() < 1e-9);
    assert_eq!(
        (manifest.logit_bias, manifest.activation),
        (0.0, Activation::Softmax)
    );
    assert_eq!(manifest.logit_source, LogitSource::Configuration);
    assert_eq!(manifest.caveats, [Caveat::English]);
    let tokenizer = &manifest.text.tokenizer;
    assert_eq!(
        (tokenizer.context_length, tokenizer.padding),
        (77, Padding::Longest)
    );
    assert_eq!(manifest.image.size, [224, 224]);
    assert_eq!(manifest.image.preprocess.resize, Resize::Shortest(224));
    let files: Vec<_> = manifest
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(
        files,
        [
            "onnx/text_model.onnx",
            "onnx/vision_model.onnx",
            "tokenizer.json"
        ]
    );
    // The description that is installed with it.
    let installed = std::fs::read(testing::clip_mini().with_extension("json")).unwrap();
    let installed: Value = serde_json::from_slice(&installed).unwrap();
    assert_eq!(
        serde_json::from_value::<Manifest>(installed["manifest"].clone()).unwrap(),
        manifest
    );
    let json = serde_json::to_string(&manifest).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&json).unwrap(), manifest);
    let newer = json.replace("\"format\":1", "\"format\":2");
    let error = serde_json::from_str::<Manifest>(&newer)
        .unwrap_err()
        .to_string();
    assert!(error.contains("format 2 is not supported"), "{error}");
}

#[test]
fn every_layout_is_described_alike() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let (text, image) = (Graph::text(INT64, &[0, 0]).file(), Graph::image(0).file());
    for (layout, text_file, image_file, tokenizer) in [
        (
            Layout::HuggingFace,
            "onnx/text_model.onnx",
            "onnx/vision_model.onnx",
            "tokenizer.json",
        ),
        (
            Layout::Immich,
            "textual/model.onnx",
            "visual/model.onnx",
            "textual/tokenizer.json",
        ),
        (
            Layout::Rclip,
            "textual.onnx",
            "visual.onnx",
            "tokenizer.json",
        ),
        (
            Layout::Flat,
            "text_model.onnx",
            "vision_model.onnx",
            "tokenizer.json",
        ),
        (
            Layout::Pair,
            "a-text/model.onnx",
            "a-vision/model.onnx",
            "a-text/tokenizer.json",
        ),
    ] {
        let directory = Directory::new();
        directory.write(text_file, &text);
        directory.write(image_file, &image);
        directory.write(tokenizer, &testing::words());
        let manifest = described(&directory, &runtime);
        assert_eq!((manifest.layout, manifest.dimensions), (layout, DIMENSIONS));
        assert_eq!(manifest.text.tower.file, text_file);
        assert_eq!(manifest.image.tower.file, image_file);
        assert_eq!(manifest.text.tokenizer.file, tokenizer);
        assert_eq!(manifest.image.size, [SIDE as u32; 2]);
        assert_eq!(manifest.files.len(), 3);
    }
}

#[test]
fn siglip_has_its_published_logits() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    for model_type in ["siglip", "siglip2"] {
        let directory = plain();
        let config =
            json!({"model_type": model_type, "text_config": {}, "logit_scale_init_value": 2.6592});
        directory.write("config.json", config.to_string().as_bytes());
        let manifest = described(&directory, &runtime);
        assert_eq!(manifest.activation, Activation::Sigmoid);
        assert_eq!(
            (manifest.logit_scale, manifest.logit_bias),
            (117.3308, -12.9324)
        );
        assert_eq!(
            (manifest.logit_source, manifest.caveats.as_slice()),
            (
                LogitSource::Family,
                &[Caveat::Preprocessing, Caveat::Logits][..]
            )
        );
        let tokenizer = &manifest.text.tokenizer;
        assert_eq!(
            (tokenizer.context_length, tokenizer.padding),
            (64, Padding::Full)
        );
        let clean = if model_type == "siglip" {
            Clean::Canonicalize
        } else {
            Clean::Lowercase
        };
        assert_eq!((tokenizer.clean, tokenizer.end_id), (clean, Some(2)));
        // SigLIP pads with the end of text, SigLIP 2 with its padding token.
        assert_eq!(tokenizer.pad_id, if model_type == "siglip" { 2 } else { 0 });
        assert_eq!(
            manifest.image.preprocess.resize,
            Resize::Squash([SIDE as u32; 2])
        );
        let overridden = inspect(
            &directory,
            &runtime,
            json!({"logit_scale": 111, "logit_bias": -16.5}),
        )
        .unwrap();
        assert_eq!(
            (overridden.logit_scale, overridden.logit_bias),
            (111.0, -16.5)
        );
        assert_eq!(
            (overridden.logit_source, overridden.caveats.as_slice()),
            (LogitSource::Options, &[Caveat::Preprocessing][..])
        );
    }
}

#[test]
fn unusable_models_are_refused_at_registration() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let refusal = |directory: &Directory| inspect(directory, &runtime, json!({})).unwrap_err();

    let narrow = Graph::default()
        .input("pixel_values", FLOAT, &[0, 3, SIDE, SIDE])
        .output("image_embeds", FLOAT, &[0, 3])
        .mean("pixel_values", "image_embeds", &[2, 3]);
    let error = refusal(&testing::model(Graph::text(INT64, &[0, 0]), narrow));
    assert!(
        matches!(error, Error::TowerMismatch { text: 4, image: 3 }),
        "{error}"
    );

    let error = refusal(&testing::model(
        Graph::text(INT64, &[4, 12]),
        Graph::image(0),
    ));
    assert!(error.to_string().contains("exactly 4 rows"), "{error}");

    // An output that turns out not to be a matrix.
    let deep = Graph::default()
        .input("input_ids", INT64, &[0, 0])
        .output("text_embeds", FLOAT, &[0, 0, DIMENSIONS as u64])
        .waves()
        .node("Identity", &["waves"], "text_embeds", &[]);
    let error = refusal(&testing::model(deep, Graph::image(0)));
    assert!(
        matches!(&error, Error::UnsupportedTower { reason, .. } if reason.contains("text_embeds [?, ?, 4]")),
        "{error}"
    );

    for file in [
        "tokenizer.json",
        "onnx/text_model.onnx",
        "onnx/vision_model.onnx",
    ] {
        let directory = plain();
        std::fs::remove_file(directory.path().join(file)).unwrap();
        let error = refusal(&directory);
        assert!(
            matches!(&error, Error::MissingModelFile { file: missing, .. } if missing == file),
            "{error}"
        );
        directory.write(file, b"<!doctype html>");
        let error = refusal(&directory);
        assert!(
            matches!(&error, Error::InvalidModelFile { file: invalid, .. } if invalid == file),
            "{error}"
        );
        directory.write(
            file,
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        );
        let error = refusal(&directory);
        assert!(
            matches!(&error, Error::LfsPointer { file: pointer } if pointer == file),
            "{error}"
        );
    }
    for file in [
        "config.json",
        "preprocessor_config.json",
        "tokenizer_config.json",
    ] {
        let directory = plain();
        directory.write(file, b"{");
        let error = refusal(&directory);
        assert!(
            matches!(&error, Error::InvalidModelFile { file: invalid, .. } if invalid == file),
            "{error}"
        );
    }
}

#[test]
fn options_reach_the_manifest_and_its_identity() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let directory = plain();
    let usual = described(&directory, &runtime);
    assert_eq!(described(&directory, &runtime), usual);
    let mut identities = vec![usual.identity.clone()];
    for options in [
        json!({"logit_scale": 12.5}),
        json!({"logit_bias": -1}),
        json!({"activation": "sigmoid"}),
        json!({"prefix": "a photo of "}),
        json!({"context_length": 9}),
        json!({"pad_id": 3}),
        json!({"clean": "lowercase"}),
        json!({"alpha": "white"}),
        json!({"exif_orientation": false}),
    ] {
        let manifest = inspect(&directory, &runtime, options.clone()).unwrap();
        let json = serde_json::to_value(&manifest).unwrap();
        for (key, value) in options.as_object().unwrap() {
            let places = [
                &json[key],
                &json["text"]["tokenizer"][key],
                &json["image"]["preprocess"][key],
            ];
            assert!(
                places.iter().any(|place| *place == value
                    || place
                        .as_f64()
                        .zip(value.as_f64())
                        .is_some_and(|(a, b)| a == b)),
                "{key}"
            );
        }
        identities.push(manifest.identity);
    }
    assert!(
        identities[..4]
            .iter()
            .all(|identity| *identity == usual.identity)
    );
    identities.sort();
    identities.dedup();
    // The first four have the same embeddings.
    assert_eq!(identities.len(), 7);
    assert_eq!(usual.image.preprocess.alpha, Alpha::Drop);
}

#[test]
fn dimensions_are_compared_with_the_configuration() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let directory = plain();
    for (config, fits) in [
        (
            json!({"model_type": "clip", "projection_dim": DIMENSIONS}),
            true,
        ),
        (json!({"model_type": "clip", "projection_dim": 3}), false),
        (
            json!({"embed_dim": 3, "text_cfg": {"hf_tokenizer_name": "x"}}),
            false,
        ),
    ] {
        directory.write("config.json", config.to_string().as_bytes());
        match inspect(&directory, &runtime, json!({})) {
            Ok(_) => assert!(fits, "{config}"),
            Err(error) => assert!(
                !fits
                    && matches!(
                        error,
                        Error::Projection {
                            found: DIMENSIONS,
                            expected: 3,
                            ..
                        }
                    ),
                "{error}"
            ),
        }
    }
}

#[test]
fn outputs_can_be_named() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let text = Graph::text(INT64, &[0, 0])
        .output("other", FLOAT, &[0, DIMENSIONS as u64])
        .node("Neg", &["text_embeds"], "other", &[]);
    let directory = testing::model(text, Graph::image(0));
    let usual = described(&directory, &runtime);
    assert_eq!(usual.text.tower.output, "text_embeds");
    let named = inspect(&directory, &runtime, json!({"text_output": "other"})).unwrap();
    assert_eq!(named.text.tower.output, "other");
    assert_ne!(named.identity, usual.identity);
    let error = inspect(&directory, &runtime, json!({"vision_output": "other"})).unwrap_err();
    assert!(
        matches!(&error, Error::InvalidOption(reason) if reason.contains("\"vision_output\"") && reason.contains("image_embeds [?, 4] of float32")),
        "{error}"
    );
}
