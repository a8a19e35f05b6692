//! Which inputs and outputs of a graph are which: by name, then by rank and element type.

use super::{Input, Role, Tower};
use crate::{Error, Result, session::Port};

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

/// Describes the graph `file` as the tower for `side`.
///
/// Fails with [`Error::InvalidModelFile`] where the graph lacks the input, has one of unknown purpose, fixes a batch
/// of several rows, or has no output that could be an embedding.
pub(super) fn find(file: &str, side: Side, inputs: &[Port], outputs: &[Port]) -> Result<Found> {
    let invalid = |reason: String| Error::InvalidModelFile {
        file: file.to_owned(),
        reason,
    };
    let mut roles = Vec::new();
    for port in inputs {
        let (role, dtype) = role(port).zip(port.dtype).ok_or_else(|| {
            invalid(format!(
                "input \"{}\" is neither token ids, nor their mask, nor pixels",
                port.name
            ))
        })?;
        if roles.iter().any(|input: &Input| input.role == role) {
            return Err(invalid(format!(
                "input \"{}\" serves the same purpose as another",
                port.name
            )));
        }
        roles.push(Input {
            name: port.name.clone(),
            role,
            dtype,
        });
    }
    let main = inputs
        .iter()
        .zip(&roles)
        .find(|(_, input)| input.role == side.role());
    let (main, _) = main.ok_or_else(|| match side {
        Side::Text => invalid("the graph has no input for token ids".to_owned()),
        Side::Image => invalid("the graph has no input for pixels".to_owned()),
    })?;
    let rows = main.shape.first().copied().unwrap_or(-1);
    if rows > 1 {
        return Err(invalid(format!(
            "the graph takes exactly {rows} rows at once"
        )));
    }
    let output = output(side, outputs).ok_or_else(|| {
        let names: Vec<_> = outputs.iter().map(|port| port.name.as_str()).collect();
        invalid(format!(
            "none of the outputs ({}) is known as an embedding",
            names.join(", ")
        ))
    })?;
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

fn role(port: &Port) -> Option<Role> {
    let integer = port.dtype?.is_integer();
    match (port.name.as_str(), integer, port.shape.len()) {
        ("attention_mask" | "mask", true, _) => Some(Role::AttentionMask),
        ("token_type_ids", true, _) => Some(Role::TokenTypes),
        ("input_ids" | "text" | "tokens" | "ids" | "input", true, _) => Some(Role::TokenIds),
        ("pixel_values" | "image" | "images" | "pixels" | "input", false, _) => Some(Role::Pixels),
        (name, true, 2) if !name.contains("mask") && !name.contains("position") => {
            Some(Role::TokenIds)
        }
        (_, false, 4) => Some(Role::Pixels),
        _ => None,
    }
}

/// The embedding among the outputs. The earlier a rule, the surer it is.
fn output(side: Side, outputs: &[Port]) -> Option<String> {
    let rules: [&dyn Fn(&str) -> bool; 7] = [
        &|name| name.ends_with("_embeds"),
        &|name| name.starts_with("l2norm_"),
        &|name| name == "pooler_output",
        &|name| {
            name == "embedding" || name.ends_with("_embedding") || name.ends_with("_embeddings")
        },
        &|name| name.ends_with("_features"),
        &|name| name == "output",
        &|name| name == "embeddings",
    ];
    let own = || {
        outputs
            .iter()
            .filter(|port| !side.is_foreign(&port.name) && !port.name.contains("logits"))
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
    use crate::session::Dtype;

    fn port(name: &str, dtype: Dtype, shape: &[i64]) -> Port {
        Port {
            name: name.to_owned(),
            dtype: Some(dtype),
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
        find("m.onnx", side, inputs, outputs)
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
        )
        .unwrap();
        assert_eq!(found.tower.inputs[1].role, Role::AttentionMask);
        assert_eq!(
            (found.tower.output.as_str(), found.tower.single),
            ("text_embeds", false)
        );
        assert_eq!(found.shape, [None]);

        let immich = port("text", Dtype::Int32, &[1, 77]);
        let found = find("m.onnx", Side::Text, &[immich], &out(&["embedding"])).unwrap();
        assert_eq!((found.tower.single, found.shape), (true, vec![Some(77)]));
        assert_eq!(found.tower.inputs[0].dtype, Dtype::Int32);

        let rclip = port("input", Dtype::Float32, &[-1, 3, 224, 224]);
        let found = find("m.onnx", Side::Image, &[rclip], &out(&["output"])).unwrap();
        assert_eq!(found.shape, [Some(3), Some(224), Some(224)]);

        let pixels = port("x", Dtype::Float16, &[-1, 3, -1, -1]);
        let outputs = out(&[
            "logits_per_image",
            "logits_per_text",
            "text_embeds",
            "image_embeds",
        ]);
        for (side, output) in [(Side::Text, "text_embeds"), (Side::Image, "image_embeds")] {
            let found = find("m.onnx", side, &[ids.clone(), pixels.clone()], &outputs).unwrap();
            assert_eq!(found.tower.output, output);
        }
        let jina = out(&[
            "text_embeddings",
            "image_embeddings",
            "l2norm_text_embeddings",
            "l2norm_image_embeddings",
        ]);
        let found = find("m.onnx", Side::Image, &[ids, pixels], &jina).unwrap();
        assert_eq!(found.tower.output, "l2norm_image_embeddings");
    }

    #[test]
    fn siglip_reads_the_pooler_and_unnamed_outputs_are_found_by_rank() {
        let pixels = [port("pixel_values", Dtype::Float32, &[-1, 3, 224, 224])];
        let mut outputs = vec![port("last_hidden_state", Dtype::Float32, &[-1, 196, 768])];
        outputs.push(port("pooler_output", Dtype::Float32, &[-1, 768]));
        assert_eq!(
            find("m", Side::Image, &pixels, &outputs)
                .unwrap()
                .tower
                .output,
            "pooler_output"
        );
        outputs[1].name = "1234".to_owned();
        assert_eq!(
            find("m", Side::Image, &pixels, &outputs)
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
        let unknown = Port {
            name: "input_ids".to_owned(),
            dtype: None,
            shape: vec![-1, -1],
        };
        assert!(refusal(Side::Text, &[unknown], &outputs).contains("neither"));
    }
}
