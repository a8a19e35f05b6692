//! Registration of models in every layout, made of graphs of a few nodes.

use super::*;
use crate::{
    Error, Result,
    encoder::{Cancel, Encoder, OnnxEncoder, Options},
    preprocess::{Alpha, Resize},
    session::Runtime,
    testing::{
        self, Directory,
        graph::{DIMENSIONS, FLOAT, FLOAT16, Graph, INT32, INT64, SIDE},
    },
    tokenize::{Clean, Padding},
};
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

/// Two towers and their logits, `100 · cosine − 7`, in one graph; `rows` of 0 is left open.
fn combined(rows: u64) -> Graph {
    let normalized = |graph: Graph, from: &str, to: &str| {
        let squares = format!("{to}_squares");
        let norm = format!("{to}_norm");
        graph
            .node("ReduceL2", &[from], &norm, &[("axes", &[1])])
            .node("Identity", &[&norm], &squares, &[])
            .node("Div", &[from, &squares], to, &[])
    };
    let graph = Graph::default()
        .input("input_ids", INT64, &[rows, 0])
        .input("pixel_values", FLOAT, &[rows, 3, SIDE, SIDE])
        .output("logits_per_image", FLOAT, &[0, 0])
        .output("text_embeds", FLOAT, &[0, DIMENSIONS as u64])
        .output("image_embeds", FLOAT, &[0, DIMENSIONS as u64])
        .waves()
        .colors()
        .floats("scale", &[1], &[100.0])
        .floats("bias", &[1], &[-7.0])
        .node(
            "ReduceMean",
            &["waves"],
            "text",
            &[("axes", &[1]), ("keepdims", &[0])],
        )
        .node("MatMul", &["colors", "map"], "image", &[]);
    let graph = normalized(graph, "text", "text_embeds");
    normalized(graph, "image", "image_embeds")
        .node(
            "Transpose",
            &["text_embeds"],
            "columns",
            &[("perm", &[1, 0])],
        )
        .node("MatMul", &["image_embeds", "columns"], "cosines", &[])
        .node("Mul", &["cosines", "scale"], "scaled", &[])
        .node("Add", &["scaled", "bias"], "logits_per_image", &[])
}

#[test]
fn combined_graphs_tell_their_logits() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let directory = Directory::new();
    directory.write("onnx/model.onnx", &combined(0).file());
    directory.write("tokenizer.json", &testing::words());
    let manifest = described(&directory, &runtime);
    assert_eq!(manifest.layout, Layout::Combined);
    assert_eq!(manifest.files.len(), 2);
    assert!(
        (manifest.logit_scale - 100.0).abs() < 0.1,
        "{}",
        manifest.logit_scale
    );
    assert!(
        (manifest.logit_bias + 7.0).abs() < 0.1,
        "{}",
        manifest.logit_bias
    );
    assert_eq!(manifest.activation, Activation::Sigmoid);
    // No row for the other tower is needed, and the halves embed as the separate towers do.
    assert_eq!(
        (
            manifest.text.tower.idle_rows,
            manifest.image.tower.idle_rows
        ),
        (0, 0)
    );
    let embed = |directory: &Directory, manifest: Manifest| {
        let mut encoder = OnnxEncoder::new(
            runtime.clone(),
            directory.path(),
            manifest,
            Options::default(),
        );
        let cancel = Cancel::default();
        let texts = encoder.encode_texts(&["cat", "dog snow"], &cancel).unwrap();
        let images = encoder
            .encode_images(&[&[200; 192], &[3; 192]], &cancel)
            .unwrap();
        [texts, images].concat()
    };
    let halves = embed(&directory, manifest);
    let towers = embed(&plain(), described(&plain(), &runtime));
    assert!(
        halves
            .iter()
            .zip(&towers)
            .all(|(a, b)| (a - b).abs() < 1e-5),
        "{halves:?} {towers:?}"
    );
    // Beside separate towers the combined graph only tells the logits.
    let both = plain();
    both.write("onnx/model.onnx", &combined(0).file());
    let manifest = described(&both, &runtime);
    assert_eq!(manifest.layout, Layout::HuggingFace);
    assert!(
        (manifest.logit_scale - 100.0).abs() < 0.1,
        "{}",
        manifest.logit_scale
    );
    assert_eq!(manifest.files.len(), 3);
}

#[test]
fn combined_graphs_of_one_row_get_a_row_for_the_other_tower() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let directory = Directory::new();
    directory.write("model.onnx", &combined(1).file());
    directory.write("tokenizer.json", &testing::words());
    let manifest = described(&directory, &runtime);
    for tower in [&manifest.text.tower, &manifest.image.tower] {
        assert_eq!((tower.idle_rows, tower.single), (1, true));
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
    }
}

#[test]
fn padding_is_spared_where_it_does_not_count() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let counted = described(&plain(), &runtime);
    assert_eq!(counted.text.tokenizer.padding, Padding::Full);
    let masked = testing::model(Graph::masked_text(), Graph::image(0));
    let masked = described(&masked, &runtime);
    assert_eq!(masked.text.tokenizer.padding, Padding::Longest);
    assert_eq!(masked.text.tower.inputs[1].role, Role::AttentionMask);
    // A fixed length leaves no choice and says what the context length is.
    let fixed = testing::model(Graph::text(INT64, &[0, 12]), Graph::image(0));
    let manifest = described(&fixed, &runtime);
    assert_eq!(manifest.text.tokenizer.context_length, 12);
    assert_eq!(manifest.text.tokenizer.padding, Padding::Full);
    let error = inspect(&fixed, &runtime, json!({"context_length": 16})).unwrap_err();
    assert!(
        matches!(&error, Error::InvalidOption(reason) if reason.contains("exactly 12")),
        "{error}"
    );
}

#[test]
fn rows_that_influence_each_other_are_run_one_by_one() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    // Scaled by the largest value of the batch and shifted, as a quantised graph does on the fly.
    let coupled = Graph::default()
        .input("pixel_values", FLOAT, &[0, 3, SIDE, SIDE])
        .output("image_embeds", FLOAT, &[0, DIMENSIONS as u64])
        .floats("shift", &[1], &[0.5])
        .colors()
        .node("MatMul", &["colors", "map"], "mapped", &[])
        .node("ReduceMax", &["mapped"], "largest", &[("axes", &[0, 1])])
        .node("Div", &["mapped", "largest"], "scaled", &[])
        .node("Add", &["scaled", "shift"], "image_embeds", &[]);
    let manifest = described(
        &testing::model(Graph::text(INT64, &[0, 0]), coupled),
        &runtime,
    );
    assert!(manifest.image.tower.single && !manifest.text.tower.single);
}

#[test]
fn element_types_are_cast() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let image = Graph::default()
        .input("pixel_values", FLOAT16, &[0, 3, SIDE, SIDE])
        .output("image_embeds", FLOAT16, &[0, DIMENSIONS as u64])
        .node(
            "Cast",
            &["pixel_values"],
            "wide",
            &[("to", &[FLOAT as i64])],
        )
        .floats("map", &[3, DIMENSIONS as u64], &[0.5; 3 * DIMENSIONS])
        .node(
            "ReduceMean",
            &["wide"],
            "colors",
            &[("axes", &[2, 3]), ("keepdims", &[0])],
        )
        .node("MatMul", &["colors", "map"], "mapped", &[])
        .node(
            "Cast",
            &["mapped"],
            "image_embeds",
            &[("to", &[FLOAT16 as i64])],
        );
    let manifest = described(
        &testing::model(Graph::text(INT32, &[0, 0]), image),
        &runtime,
    );
    assert_eq!(manifest.text.tower.inputs[0].dtype, Dtype::Int32);
    assert_eq!(manifest.image.tower.inputs[0].dtype, Dtype::Float16);
}

#[test]
fn weights_beside_the_graph_belong_to_the_model() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let image = Graph::default()
        .input("pixel_values", FLOAT, &[0, 3, SIDE, SIDE])
        .output("image_embeds", FLOAT, &[0, DIMENSIONS as u64])
        .external("outer", &[3, DIMENSIONS as u64], "vision_model.onnx_data")
        .colors()
        .node("MatMul", &["colors", "outer"], "image_embeds", &[]);
    let directory = testing::model(Graph::text(INT64, &[0, 0]), image);
    // What ONNX Runtime says without the file is an error about this graph.
    let error = inspect(&directory, &runtime, json!({})).unwrap_err();
    assert!(
        matches!(&error, Error::InvalidModelFile { file, .. } if file == "onnx/vision_model.onnx"),
        "{error}"
    );
    let weights: Vec<u8> = (1..=3 * DIMENSIONS)
        .flat_map(|at| (at as f32).to_le_bytes())
        .collect();
    directory.write("onnx/vision_model.onnx_data", &weights);
    let manifest = described(&directory, &runtime);
    assert_eq!(
        manifest.image.tower.weights,
        ["onnx/vision_model.onnx_data"]
    );
    assert_eq!(
        manifest.file("onnx/vision_model.onnx_data").unwrap().bytes,
        48
    );
    directory.write("onnx/vision_model.onnx_data", &[0; 40]);
    assert!(inspect(&directory, &runtime, json!({})).is_err());
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
        .node(
            "ReduceMean",
            &["pixel_values"],
            "image_embeds",
            &[("axes", &[2, 3]), ("keepdims", &[0])],
        );
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
    assert!(error.to_string().contains("has the shape"), "{error}");

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
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), 10);
    assert_eq!(usual.image.preprocess.alpha, Alpha::Drop);
}
