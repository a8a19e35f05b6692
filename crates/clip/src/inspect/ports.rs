//! Which inputs and outputs of a graph are which: by name, then by rank and element type.

use crate::{
    Error, Result,
    manifest::{Input, Role, Tower},
    session::{Dtype, Port},
};

/// One of the two things a model embeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Text,
    Image,
}

impl Side {
    fn role(self) -> Role {
        match self {
            Self::Text => Role::TokenIds,
            Self::Image => Role::Pixels,
        }
    }

    /// Whether an output of this name belongs to the other side.
    fn is_foreign(self, name: &str) -> bool {
        match self {
            Self::Text => name.contains("image") || name.contains("vision"),
            Self::Image => name.contains("text"),
        }
    }
}

/// A tower and the lengths that its main input fixes.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub tower: Tower,
    /// Shape of the main input without its first axis; `None` where the graph leaves a length open.
    pub shape: Vec<Option<u32>>,
}

/// Describes the graph `file` as the tower for `side`. `wanted` is the name of the output to take.
///
/// Fails with [`Error::UnsupportedTower`] where the graph lacks the input, has one of unknown purpose or of an element
/// type that nothing here is cast to, fixes a batch of several rows, or has no output that could be an embedding; with
/// [`Error::InvalidOption`] where the output that is wanted is none.
pub(super) fn find(
    file: &str,
    side: Side,
    inputs: &[Port],
    outputs: &[Port],
    wanted: Option<&str>,
) -> Result<Found> {
    let unsupported = |reason: String| Error::UnsupportedTower {
        file: file.to_owned(),
        reason,
    };
    let mut roles = Vec::new();
    for port in inputs {
        let input = input(port).map_err(unsupported)?;
        if roles.iter().any(|other: &Input| other.role == input.role) {
            return Err(unsupported(format!(
                "input \"{}\" serves the same purpose as another",
                port.name
            )));
        }
        roles.push(input);
    }
    let main = inputs
        .iter()
        .zip(&roles)
        .find(|(_, input)| input.role == side.role());
    let (main, _) = main.ok_or_else(|| match side {
        Side::Text => unsupported("the graph has no input for token ids".to_owned()),
        Side::Image => unsupported("the graph has no input for pixels".to_owned()),
    })?;
    check_axes(side, main).map_err(unsupported)?;
    let rows = main.shape.first().copied().unwrap_or(-1);
    if rows > 1 {
        return Err(unsupported(format!(
            "the graph takes exactly {rows} rows at once"
        )));
    }
    let output = match wanted {
        Some(name) => named(side, name, outputs)?,
        None => output(side, outputs).ok_or_else(|| {
            unsupported(format!(
                "none of the outputs ({}) is known as an embedding",
                listed(outputs)
            ))
        })?,
    };
    let foreign = roles
        .iter()
        .any(|input| (input.role == Role::Pixels) == (side == Side::Text));
    let tower = Tower {
        file: file.to_owned(),
        weights: Vec::new(),
        inputs: roles,
        output,
        single: rows == 1,
        idle_rows: usize::from(foreign),
    };
    let shape = main
        .shape
        .iter()
        .skip(1)
        .map(|&length| u32::try_from(length).ok().filter(|&length| length > 0));
    Ok(Found {
        tower,
        shape: shape.collect(),
    })
}

/// What goes into `port`: by its name, else by element type and rank.
fn input(port: &Port) -> std::result::Result<Input, String> {
    let name = port.name.as_str();
    let integer = port.dtype.map(Dtype::is_integer);
    let known = match name {
        "attention_mask" | "mask" => Some(Role::AttentionMask),
        "token_type_ids" => Some(Role::TokenTypes),
        "input_ids" | "text" | "tokens" | "ids" => Some(Role::TokenIds),
        "pixel_values" | "image" | "images" | "pixels" => Some(Role::Pixels),
        "input" if integer == Some(true) => Some(Role::TokenIds),
        "input" if integer == Some(false) => Some(Role::Pixels),
        _ => None,
    };
    let role = known.or(match port.shape.len() {
        2 if integer != Some(false) && !name.contains("mask") && !name.contains("position") => {
            Some(Role::TokenIds)
        }
        4 if integer != Some(true) => Some(Role::Pixels),
        _ => None,
    });
    let role = role.ok_or_else(|| {
        format!("input \"{name}\" is neither token ids, nor their mask, nor pixels")
    })?;
    let (what, types) = match role {
        Role::Pixels => ("pixels are", "float32 or float16"),
        Role::AttentionMask => ("a mask is", "int64 or int32"),
        Role::TokenIds | Role::TokenTypes => ("token ids are", "int64 or int32"),
    };
    match port.dtype {
        Some(dtype) if dtype.is_integer() == (role != Role::Pixels) => Ok(Input {
            name: name.to_owned(),
            role,
            dtype,
        }),
        _ => Err(format!(
            "input \"{name}\" has the element type {}, but {what} given as {types}",
            port.element
        )),
    }
}

/// Checks the order and number of the axes of a main input, as far as the graph tells them.
fn check_axes(side: Side, port: &Port) -> std::result::Result<(), String> {
    let name = &port.name;
    match (side, port.shape.as_slice()) {
        (_, []) | (Side::Text, [_, _]) => Ok(()),
        (Side::Image, &[_, channels, _, last]) => {
            if channels == 3 || channels < 0 && last != 3 {
                Ok(())
            } else if last == 3 {
                Err(format!(
                    "input \"{name}\" has the channels last (NHWC), pixels are given as [rows, 3, height, width]"
                ))
            } else {
                Err(format!(
                    "input \"{name}\" takes images of {channels} channels, not 3"
                ))
            }
        }
        (Side::Text, shape) => Err(format!(
            "input \"{name}\" has {} axes, token ids are given as [rows, tokens]",
            shape.len()
        )),
        (Side::Image, shape) => Err(format!(
            "input \"{name}\" has {} axes, pixels are given as [rows, 3, height, width]",
            shape.len()
        )),
    }
}

/// The output that the caller has named.
fn named(side: Side, name: &str, outputs: &[Port]) -> Result<String> {
    let option = match side {
        Side::Text => "text_output",
        Side::Image => "vision_output",
    };
    let refused = |reason: String| Error::InvalidOption(format!("\"{option}\": {reason}"));
    let Some(port) = outputs.iter().find(|port| port.name == name) else {
        return Err(refused(format!(
            "the graph has no output \"{name}\", it has {}",
            listed(outputs)
        )));
    };
    if !is_matrix(port) {
        return Err(refused(format!(
            "{} is no embedding, [rows, dimensions] of float32 or float16",
            listed(std::slice::from_ref(port))
        )));
    }
    Ok(name.to_owned())
}

/// Outputs with their shapes and types, for a message.
fn listed(outputs: &[Port]) -> String {
    let axis = |&length: &i64| match length {
        0.. => length.to_string(),
        _ => "?".to_owned(),
    };
    let describe = |port: &Port| {
        let axes: Vec<_> = port.shape.iter().map(axis).collect();
        format!("{} [{}] of {}", port.name, axes.join(", "), port.element)
    };
    let all: Vec<_> = outputs.iter().map(describe).collect();
    all.join("; ")
}

/// Whether `port` may be `[rows, dimensions]` as far as the graph tells.
fn is_matrix(port: &Port) -> bool {
    port.dtype.is_some_and(|dtype| !dtype.is_integer()) && matches!(port.shape.len(), 0 | 2)
}

/// The embedding among the outputs. The earlier a rule, the surer it is.
fn output(side: Side, outputs: &[Port]) -> Option<String> {
    let rules: [&dyn Fn(&str) -> bool; 8] = [
        &|name| name.ends_with("_embeds"),
        &|name| name.starts_with("l2norm_"),
        &|name| name == "sentence_embedding",
        &|name| name == "pooler_output",
        &|name| {
            name == "embedding" || name.ends_with("_embedding") || name.ends_with("_embeddings")
        },
        &|name| name.ends_with("_features"),
        &|name| name == "output",
        &|name| name == "embeddings",
    ];
    // One vector per token, where the graph does not tell the axes.
    let is_of_tokens = |port: &Port| {
        let name = port.name.as_str();
        port.shape.is_empty() && (name.contains("token") || name.contains("hidden_state"))
    };
    let own = || {
        outputs.iter().filter(|port| {
            let name = port.name.as_str();
            let foreign = side.is_foreign(name) || name.contains("logits");
            !foreign && !is_of_tokens(port) && is_matrix(port)
        })
    };
    let named = rules
        .iter()
        .find_map(|rule| own().find(|port| rule(&port.name)));
    let matrices: Vec<_> = own().filter(|port| port.shape.len() == 2).collect();
    let only = match matrices.as_slice() {
        [port] => Some(*port),
        _ => None,
    };
    named.or(only).map(|port| port.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, dtype: Dtype, shape: &[i64]) -> Port {
        Port {
            name: name.to_owned(),
            dtype: Some(dtype),
            element: format!("{dtype:?}").to_lowercase(),
            shape: shape.to_vec(),
        }
    }

    fn out(names: &[&str]) -> Vec<Port> {
        names
            .iter()
            .map(|name| port(name, Dtype::Float32, &[-1, 512]))
            .collect()
    }

    fn refusal(side: Side, inputs: &[Port], outputs: &[Port]) -> String {
        find("m.onnx", side, inputs, outputs, None)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn towers_of_every_layout_are_read() {
        let ids = port("input_ids", Dtype::Int64, &[-1, -1]);
        let mask = port("attention_mask", Dtype::Int64, &[-1, -1]);
        let found = find(
            "m.onnx",
            Side::Text,
            &[ids.clone(), mask],
            &out(&["text_embeds", "last_hidden_state"]),
            None,
        )
        .unwrap();
        assert_eq!(found.tower.inputs[1].role, Role::AttentionMask);
        assert_eq!(
            (found.tower.output.as_str(), found.tower.single),
            ("text_embeds", false)
        );
        assert_eq!(found.shape, [None]);

        let immich = port("text", Dtype::Int32, &[1, 77]);
        let found = find("m.onnx", Side::Text, &[immich], &out(&["embedding"]), None).unwrap();
        assert_eq!((found.tower.single, found.shape), (true, vec![Some(77)]));
        assert_eq!(found.tower.inputs[0].dtype, Dtype::Int32);

        let rclip = port("input", Dtype::Float32, &[-1, 3, 224, 224]);
        let found = find("m.onnx", Side::Image, &[rclip], &out(&["output"]), None).unwrap();
        assert_eq!(found.shape, [Some(3), Some(224), Some(224)]);

        let pixels = port("x", Dtype::Float16, &[-1, 3, -1, -1]);
        let outputs = out(&[
            "logits_per_image",
            "logits_per_text",
            "text_embeds",
            "image_embeds",
        ]);
        for (side, output) in [(Side::Text, "text_embeds"), (Side::Image, "image_embeds")] {
            let found = find(
                "m.onnx",
                side,
                &[ids.clone(), pixels.clone()],
                &outputs,
                None,
            )
            .unwrap();
            assert_eq!(found.tower.output, output);
        }
        let jina = out(&[
            "text_embeddings",
            "image_embeddings",
            "l2norm_text_embeddings",
            "l2norm_image_embeddings",
        ]);
        let found = find("m.onnx", Side::Image, &[ids, pixels], &jina, None).unwrap();
        assert_eq!(found.tower.output, "l2norm_image_embeddings");
    }

    #[test]
    fn siglip_reads_the_pooler_and_unnamed_outputs_are_found_by_rank() {
        let pixels = [port("pixel_values", Dtype::Float32, &[-1, 3, 224, 224])];
        let mut outputs = vec![port("last_hidden_state", Dtype::Float32, &[-1, 196, 768])];
        outputs.push(port("pooler_output", Dtype::Float32, &[-1, 768]));
        assert_eq!(
            find("m", Side::Image, &pixels, &outputs, None)
                .unwrap()
                .tower
                .output,
            "pooler_output"
        );
        outputs[1].name = "1234".to_owned();
        assert_eq!(
            find("m", Side::Image, &pixels, &outputs, None)
                .unwrap()
                .tower
                .output,
            "1234"
        );
        assert!(refusal(Side::Image, &pixels, &outputs[..1]).contains("last_hidden_state"));
    }

    #[test]
    fn foreign_graphs_are_refused() {
        let outputs = out(&["output"]);
        let ids = port("input_ids", Dtype::Int64, &[-1, -1]);
        let beam = port("beam", Dtype::Float32, &[-1]);
        assert!(refusal(Side::Text, &[ids.clone(), beam], &outputs).contains("\"beam\""));
        assert!(refusal(Side::Image, std::slice::from_ref(&ids), &outputs).contains("pixels"));
        assert!(refusal(Side::Text, &[ids.clone(), ids], &outputs).contains("same purpose"));
        assert!(
            refusal(
                Side::Text,
                &[port("text", Dtype::Int64, &[4, 77])],
                &outputs
            )
            .contains("4 rows")
        );
    }

    #[test]
    fn reasons_are_named() {
        let outputs = out(&["output"]);
        let foreign = |name: &str, element: &str, shape: &[i64]| Port {
            dtype: None,
            element: element.to_owned(),
            ..port(name, Dtype::Int64, shape)
        };
        for (side, inputs, words) in [
            (
                Side::Image,
                vec![foreign("pixel_values", "uint8", &[-1, 3, 8, 8])],
                "\"pixel_values\" has the element type uint8",
            ),
            (
                Side::Image,
                vec![foreign("x", "float64", &[-1, 3, 8, 8])],
                "\"x\" has the element type float64",
            ),
            (
                Side::Text,
                vec![
                    port("input_ids", Dtype::Int64, &[-1, -1]),
                    port("attention_mask", Dtype::Float32, &[-1, -1]),
                ],
                "\"attention_mask\" has the element type float32, but a mask is given as int64",
            ),
            (
                Side::Text,
                vec![foreign("ids", "bool", &[])],
                "the element type bool",
            ),
            (
                Side::Image,
                vec![port("pixel_values", Dtype::Float32, &[-1, 224, 224, 3])],
                "NHWC",
            ),
            (
                Side::Image,
                vec![port("pixel_values", Dtype::Float32, &[-1, -1, -1, 3])],
                "NHWC",
            ),
            (
                Side::Image,
                vec![port("pixel_values", Dtype::Float32, &[-1, 1, 28, 28])],
                "1 channels",
            ),
            (
                Side::Image,
                vec![port("pixel_values", Dtype::Float32, &[-1, 256, 768])],
                "3 axes",
            ),
            (
                Side::Text,
                vec![
                    port("input_ids", Dtype::Int64, &[-1, -1]),
                    port("position_ids", Dtype::Int64, &[-1, -1]),
                ],
                "\"position_ids\" is neither",
            ),
        ] {
            let refused = refusal(side, &inputs, &outputs);
            assert!(refused.contains(words), "{refused}");
        }
        // Nothing is said about the axes.
        let silent = [port("pixel_values", Dtype::Float32, &[])];
        assert!(find("m", Side::Image, &silent, &outputs, None).is_ok());
    }

    #[test]
    fn vectors_of_tokens_are_passed_over() {
        let ids = [port("input_ids", Dtype::Int64, &[-1, -1])];
        let found = |outputs: &[Port], wanted: Option<&str>| {
            find("m", Side::Text, &ids, outputs, wanted).map(|found| found.tower.output)
        };
        let sentence = [
            port("token_embeddings", Dtype::Float32, &[-1, -1, 128]),
            port("sentence_embedding", Dtype::Float32, &[-1, 49]),
        ];
        assert_eq!(found(&sentence, None).unwrap(), "sentence_embedding");
        // Whatever their order, and where the graph does not tell their axes.
        let silent = [
            port("token_embeddings", Dtype::Float32, &[]),
            port("pooler_output", Dtype::Float32, &[]),
            port("sentence_embedding", Dtype::Float32, &[]),
        ];
        assert_eq!(found(&silent, None).unwrap(), "sentence_embedding");
        let deep = [
            port("text_embeds", Dtype::Float32, &[-1, -1, 64]),
            port("x", Dtype::Float32, &[-1, 64]),
            port("lengths", Dtype::Int64, &[-1, 1]),
        ];
        assert_eq!(found(&deep, None).unwrap(), "x");
        assert_eq!(
            found(&sentence[1..], Some("sentence_embedding")).unwrap(),
            "sentence_embedding"
        );
        for (wanted, words) in [
            (
                "token_embeddings",
                "\"text_output\": token_embeddings [?, ?, 128]",
            ),
            ("pooled", "no output \"pooled\", it has token_embeddings"),
        ] {
            let refused = found(&sentence, Some(wanted)).unwrap_err();
            assert!(matches!(refused, Error::InvalidOption(_)));
            assert!(refused.to_string().contains(words), "{refused}");
        }
        // Any output may be named, one that looks like the other tower's, too.
        let named = out(&["image_pooled", "text_embeds"]);
        assert_eq!(found(&named, Some("image_pooled")).unwrap(), "image_pooled");
    }
}
