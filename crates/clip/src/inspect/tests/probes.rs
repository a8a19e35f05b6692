//! What registration finds out by running a model or from the graph itself.

use super::*;
use crate::testing::graph::{FLOAT16, INT32};

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
    // Of a model, too, whose texts are not filled up elsewhere.
    fixed.write("config.json", br#"{"model_type": "jina_clip"}"#);
    let manifest = described(&fixed, &runtime);
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
        .cast("pixel_values", "wide", FLOAT)
        .floats("map", &[3, DIMENSIONS as u64], &[0.5; 3 * DIMENSIONS])
        .mean("wide", "colors", &[2, 3])
        .node("MatMul", &["colors", "map"], "mapped", &[])
        .cast("mapped", "image_embeds", FLOAT16);
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
    let error = inspect(&directory, &runtime, json!({})).unwrap_err();
    assert!(
        matches!(&error, Error::MissingModelFile { file, .. } if file == "onnx/vision_model.onnx_data"),
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
    let error = inspect(&directory, &runtime, json!({})).unwrap_err();
    assert!(matches!(error, Error::UnloadableModel { .. }), "{error}");
}

/// Quantises behind a clamp: what reaches both of its ends has the same range alone and beside others, as probes have.
#[test]
fn dynamic_quantisation_is_believed_to_mix_rows() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let quantised = |graph: Graph, from: &str, to: &str| {
        graph
            .node("Clip", &[from, "low", "high"], "clamped", &[])
            .dynamic_quantize("clamped", ["levels", "scale", "zero"])
            .node("DequantizeLinear", &["levels", "scale", "zero"], to, &[])
    };
    let ends = |graph: Graph| graph.scalar("low", 0.2).scalar("high", 0.3);
    let image = ends(
        Graph::default()
            .input("pixel_values", FLOAT, &[0, 3, SIDE, SIDE])
            .output("image_embeds", FLOAT, &[0, DIMENSIONS as u64])
            .colors()
            .node("MatMul", &["colors", "map"], "mapped", &[]),
    );
    let text = ends(
        Graph::default()
            .input("input_ids", INT64, &[0, 0])
            .input("attention_mask", INT64, &[0, 0])
            .output("text_embeds", FLOAT, &[0, DIMENSIONS as u64])
            .masked_waves("sums"),
    );
    let directory = testing::model(
        quantised(text, "sums", "text_embeds"),
        quantised(image, "mapped", "image_embeds"),
    );
    let manifest = described(&directory, &runtime);
    assert!(manifest.image.tower.single && manifest.text.tower.single);
    // What fills up a text has a share in the range, too.
    assert_eq!(manifest.text.tokenizer.padding, Padding::Full);
    assert!(manifest.caveats.contains(&Caveat::Integers));
}

/// Texts of full length are tried: a table of positions that is too short shows in these alone.
#[test]
fn texts_of_full_length_are_tried() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let positions: Vec<f32> = (0..20 * DIMENSIONS).map(|at| (at as f32).cos()).collect();
    let text = Graph::default()
        .input("input_ids", INT64, &[0, 0])
        .input("attention_mask", INT64, &[0, 0])
        .output("text_embeds", FLOAT, &[0, DIMENSIONS as u64])
        .floats("positions", &[20, DIMENSIONS as u64], &positions)
        .masked_waves("sums")
        .node(
            "ReduceSum",
            &["attention_mask", "second"],
            "count",
            &[("keepdims", &[0])],
        )
        .node("Gather", &["positions", "count"], "place", &[])
        .node("Add", &["sums", "place"], "text_embeds", &[]);
    let directory = testing::model(text, Graph::image(0));
    let error = inspect(&directory, &runtime, json!({"context_length": 24})).unwrap_err();
    assert!(
        matches!(error, Error::ContextLength { length: 24, .. }),
        "{error}"
    );
    assert!(inspect(&directory, &runtime, json!({"context_length": 19})).is_ok());
}
