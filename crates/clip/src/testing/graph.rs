//! ONNX graphs of a few nodes, written as protocol buffers field by field
//! (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3>).

/// Element types, by ONNX's numbers.
pub const FLOAT: u64 = 1;
pub const INT32: u64 = 6;
pub const INT64: u64 = 7;
pub const FLOAT16: u64 = 10;

/// Dimensions of the embeddings of [`Graph::text`] and [`Graph::image`].
pub const DIMENSIONS: usize = 4;
/// Pixels per side that [`Graph::image`] takes.
pub const SIDE: u64 = 8;

/// A graph in the making.
#[derive(Clone, Default)]
pub struct Graph {
    fields: Vec<u8>,
}

impl Graph {
    /// Declares an input; an axis of length 0 is left open.
    pub fn input(self, name: &str, element: u64, shape: &[u64]) -> Self {
        self.field(11, &value(name, element, shape))
    }

    /// Declares an output.
    pub fn output(self, name: &str, element: u64, shape: &[u64]) -> Self {
        self.field(12, &value(name, element, shape))
    }

    /// Adds single-precision weights.
    pub fn floats(self, name: &str, shape: &[u64], values: &[f32]) -> Self {
        let raw: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.field(5, &[tensor(name, FLOAT, shape), bytes(9, &raw)].concat())
    }

    /// Adds a single-precision number.
    pub fn scalar(self, name: &str, value: f32) -> Self {
        self.floats(name, &[], &[value])
    }

    /// Adds 64-bit integers.
    pub fn integers(self, name: &str, values: &[i64]) -> Self {
        let raw: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let head = tensor(name, INT64, &[values.len() as u64]);
        self.field(5, &[head, bytes(9, &raw)].concat())
    }

    /// Adds single-precision weights that lie in the file `location`.
    pub fn external(self, name: &str, shape: &[u64], location: &str) -> Self {
        let entry = [bytes(1, b"location"), bytes(2, location.as_bytes())].concat();
        let tail = [bytes(13, &entry), number(14, 1)].concat();
        self.field(5, &[tensor(name, FLOAT, shape), tail].concat())
    }

    /// Adds an operation with attributes that are integers.
    pub fn node(
        self,
        kind: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, &[i64])],
    ) -> Self {
        self.operation(kind, inputs, &[output], attributes)
    }

    /// Casts `input` to the type `element`.
    pub fn cast(self, input: &str, output: &str, element: u64) -> Self {
        self.node("Cast", &[input], output, &[("to", &[element as i64])])
    }

    /// Takes the mean over some axes of `input`, which are gone then.
    pub fn mean(self, input: &str, output: &str, axes: &[i64]) -> Self {
        let attributes: [(&str, &[i64]); 2] = [("axes", axes), ("keepdims", &[0])];
        self.node("ReduceMean", &[input], output, &attributes)
    }

    /// Quantises `input` by the range it has: levels, their scale and the level of 0.
    pub fn dynamic_quantize(self, input: &str, outputs: [&str; 3]) -> Self {
        self.operation("DynamicQuantizeLinear", &[input], &outputs, &[])
    }

    fn operation(
        self,
        kind: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, &[i64])],
    ) -> Self {
        let mut node = Vec::new();
        for input in inputs {
            node.extend(bytes(1, input.as_bytes()));
        }
        for output in outputs {
            node.extend(bytes(2, output.as_bytes()));
        }
        node.extend(bytes(4, kind.as_bytes()));
        for (name, values) in attributes {
            // One value is an INT, except for `axes`, which is a list in every operation.
            let (field, list) = if values.len() == 1 && *name != "axes" {
                (3, 2)
            } else {
                (8, 7)
            };
            let mut attribute = bytes(1, name.as_bytes());
            for value in *values {
                attribute.extend(number(field, *value as u64));
            }
            attribute.extend(number(20, list));
            node.extend(bytes(5, &attribute));
        }
        self.field(1, &node)
    }

    /// The ONNX file: operator set 13.
    pub fn file(self) -> Vec<u8> {
        let operators = [bytes(1, b""), number(2, 13)].concat();
        let named = [bytes(2, b"graph"), self.fields].concat();
        [number(1, 8), bytes(8, &operators), bytes(7, &named)].concat()
    }

    /// A text tower: the mean over all ids of the cosines of their multiples. Padding counts.
    ///
    /// `input_ids` of `element` and `shape` to `text_embeds`.
    pub fn text(element: u64, shape: &[u64]) -> Self {
        Self::default()
            .input("input_ids", element, shape)
            .output("text_embeds", FLOAT, &[0, DIMENSIONS as u64])
            .waves()
            .mean("waves", "text_embeds", &[1])
    }

    /// A text tower in which padding does not count: `input_ids` and `attention_mask` to `text_embeds`.
    pub fn masked_text() -> Self {
        Self::default()
            .input("input_ids", INT64, &[0, 0])
            .input("attention_mask", INT64, &[0, 0])
            .output("text_embeds", FLOAT, &[0, DIMENSIONS as u64])
            .masked_waves("text_embeds")
    }

    /// `input_ids` and `attention_mask` to the sum of the waves of all tokens.
    pub fn masked_waves(self, output: &str) -> Self {
        self.waves()
            .cast("attention_mask", "float_mask", FLOAT)
            .node("Unsqueeze", &["float_mask", "last"], "mask", &[])
            .node("Mul", &["waves", "mask"], "masked", &[])
            .node(
                "ReduceSum",
                &["masked", "second"],
                output,
                &[("keepdims", &[0])],
            )
    }

    /// `input_ids` `[N, L]` to `waves` `[N, L, DIMENSIONS]`.
    pub fn waves(self) -> Self {
        self.integers("last", &[2])
            .integers("second", &[1])
            .floats("factors", &[DIMENSIONS as u64], &[0.3, 0.7, 1.1, 1.9])
            .cast("input_ids", "float_ids", FLOAT)
            .node("Unsqueeze", &["float_ids", "last"], "column", &[])
            .node("Mul", &["column", "factors"], "angles", &[])
            .node("Cos", &["angles"], "waves", &[])
    }

    /// An image tower: a linear map of the mean colour. `pixel_values` `[rows, 3, SIDE, SIDE]` to `image_embeds`;
    /// `rows` of 0 is left open.
    pub fn image(rows: u64) -> Self {
        Self::default()
            .input("pixel_values", FLOAT, &[rows, 3, SIDE, SIDE])
            .output("image_embeds", FLOAT, &[rows, DIMENSIONS as u64])
            .colors()
            .node("MatMul", &["colors", "map"], "image_embeds", &[])
    }

    /// `pixel_values` to `colors` `[N, 3]`, and a `map` from there to embeddings.
    pub fn colors(self) -> Self {
        let map: Vec<f32> = (0..3 * DIMENSIONS).map(|at| (at as f32).sin()).collect();
        self.floats("map", &[3, DIMENSIONS as u64], &map)
            .mean("pixel_values", "colors", &[2, 3])
    }

    fn field(mut self, field: u64, body: &[u8]) -> Self {
        self.fields.extend(bytes(field, body));
        self
    }
}

fn value(name: &str, element: u64, shape: &[u64]) -> Vec<u8> {
    let axes = shape
        .iter()
        .zip('a'..)
        .flat_map(|(&length, letter)| match length {
            0 => bytes(1, &bytes(2, format!("{name}_{letter}").as_bytes())),
            _ => bytes(1, &number(1, length)),
        });
    let shape: Vec<u8> = axes.collect();
    let tensor = [number(1, element), bytes(2, &shape)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

fn tensor(name: &str, element: u64, shape: &[u64]) -> Vec<u8> {
    let axes = shape.iter().flat_map(|&length| number(1, length));
    axes.chain(number(2, element))
        .chain(bytes(8, name.as_bytes()))
        .collect()
}

/// A length-delimited field.
pub fn bytes(field: u64, body: &[u8]) -> Vec<u8> {
    let mut out = varint(field << 3 | 2);
    out.extend(varint(body.len() as u64));
    out.extend(body);
    out
}

/// A varint field.
pub fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}
