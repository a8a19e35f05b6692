//! Graphs that hold both towers.

use super::*;
use crate::encoder::{Encoder, Options};

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
        .mean("waves", "text", &[1])
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
        let mut encoder = Encoder::new(
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
