"""Graphs of the architectures in use, with random weights, written with `onnx.helper`.

The towers have the operations, pooling, inputs and outputs of the real ones. Weights are drawn so that activations keep
their variance from layer to layer: different texts and different images get clearly different embeddings, and a
wrong pixel or a wrong padding shows.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model

OPSET = 20
FLOAT = {np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16}
INTEGER = {np.int64: TensorProto.INT64, np.int32: TensorProto.INT32}


class Graph:
    """A graph under construction; its methods return the names of the values they add."""

    def __init__(self, seed, dtype=np.float32):
        self.random = np.random.default_rng(seed)
        self.dtype = dtype
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []

    def input(self, name, dtype, shape):
        self.inputs.append(helper.make_tensor_value_info(name, (FLOAT | INTEGER)[dtype], shape))
        return name

    def output(self, value, name, shape):
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, FLOAT[self.dtype], shape))

    def node(self, operator, *inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def scalar(self, value):
        return self.constant(np.array(value, self.dtype))

    def random_weight(self, *shape, scale=1.0):
        values = self.random.standard_normal(shape, np.float32)
        values *= scale
        return self.constant(values.astype(self.dtype, copy=False))

    def linear(self, x, width, out, bias=True):
        x = self.node("MatMul", x, self.random_weight(width, out, scale=width**-0.5))
        return self.node("Add", x, self.random_weight(out, scale=0.1)) if bias else x

    def layer_norm(self, x, width):
        scale, bias = self.constant(np.ones(width, self.dtype)), self.random_weight(width, scale=0.1)
        return self.node("LayerNormalization", x, scale, bias, epsilon=1e-5)

    def conv(self, x, channels, out, kernel, stride, padding=0):
        weight = self.random_weight(out, channels, kernel, kernel, scale=(channels * kernel**2) ** -0.5)
        return self.node("Conv", x, weight, strides=[stride] * 2, pads=[padding] * 4)

    def activation(self, x, kind):
        if kind == "quick_gelu":
            return self.node("Mul", x, self.node("Sigmoid", self.node("Mul", x, self.scalar(1.702))))
        return self.node("Gelu", x, approximate="tanh" if kind == "gelu_tanh" else "none")

    def attention(self, queries, keys, width, heads, mask=None):
        split = self.constant(np.array([0, 0, heads, width // heads]))

        def heads_of(x):
            x = self.node("Reshape", self.linear(x, width, width), split)
            return self.node("Transpose", x, perm=[0, 2, 1, 3])

        q = self.node("Mul", heads_of(queries), self.scalar((width // heads) ** -0.5))
        k = self.node("Transpose", heads_of(keys), perm=[0, 1, 3, 2])
        scores = self.node("MatMul", q, k)
        if mask:
            scores = self.node("Add", scores, mask)
        x = self.node("MatMul", self.node("Softmax", scores, axis=-1), heads_of(keys))
        x = self.node("Transpose", x, perm=[0, 2, 1, 3])
        return self.linear(self.node("Reshape", x, self.constant(np.array([0, 0, width]))), width, width)

    def mlp(self, x, width, kind):
        return self.linear(self.activation(self.linear(x, width, 4 * width), kind), 4 * width, width)

    def transformer(self, x, width, layers, heads, kind, mask=None):
        for _ in range(layers):
            y = self.layer_norm(x, width)
            x = self.node("Add", x, self.attention(y, y, width, heads, mask))
            x = self.node("Add", x, self.mlp(self.layer_norm(x, width), width, kind))
        return x

    def normalize(self, x):
        return self.node("Div", x, self.node("ReduceL2", x, self.constant(np.array([1])), keepdims=1))

    def save(self, path, external=False):
        """Writes the model; with `external`, the weights into a file beside it."""
        graph = helper.make_graph(self.nodes, "graph", self.inputs, self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
        path.parent.mkdir(parents=True, exist_ok=True)
        location = f"{path.name}_data" if external else None
        save_model(model, path, save_as_external_data=external, location=location)


def vision_transformer(graph, pixels, *, image, patch, width, layers, heads, out, kind="quick_gelu", pool="class"):
    """A ViT: its hidden states and its embedding.

    `pool` is CLIP's class token or SigLIP's attention pooling, which has no projection.
    """
    x = graph.conv(pixels, 3, width, patch, patch)
    x = graph.node("Reshape", x, graph.constant(np.array([0, width, -1])))
    x = graph.node("Transpose", x, perm=[0, 2, 1])
    patches = (image // patch) ** 2
    if pool == "class":
        # One class token per row: the first patch times 0 has the batch's shape.
        first = graph.node("Slice", x, *(graph.constant(np.array([bound])) for bound in (0, 1, 1)))
        zero = graph.node("Mul", first, graph.scalar(0))
        x = graph.node("Concat", graph.node("Add", zero, graph.random_weight(width)), x, axis=1)
        patches += 1
    x = graph.node("Add", x, graph.random_weight(1, patches, width, scale=0.5))
    if pool == "class":
        x = graph.layer_norm(x, width)
    x = graph.transformer(x, width, layers, heads, kind)
    if pool == "class":
        first = graph.node("Gather", x, graph.constant(np.array(0)), axis=1)
        return x, graph.linear(graph.layer_norm(first, width), width, out, bias=False)
    x = graph.layer_norm(x, width)
    y = graph.attention(graph.random_weight(1, 1, width), x, width, heads)
    y = graph.node("Add", y, graph.mlp(graph.layer_norm(y, width), width, kind))
    return x, graph.node("Squeeze", y, graph.constant(np.array([1])))


def convolutions(graph, pixels, *, width, out):
    """A small convolutional tower with average pooling, which takes the place of MobileCLIP's FastViT."""
    x = graph.activation(graph.conv(pixels, 3, width // 2, 7, 4, 3), "gelu")
    x = graph.activation(graph.conv(x, width // 2, width, 3, 4, 1), "gelu")
    x = graph.node("Add", x, graph.activation(graph.conv(x, width, width, 3, 1, 1), "gelu"))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    return graph.linear(x, width, out, bias=False)


def text_transformer(
    graph, ids, *, vocabulary, context, width, layers, heads, out, kind="quick_gelu", causal=True, pool="end", mask=None
):
    """A text tower: its hidden states and its embedding.

    `pool` is "end" (CLIP: the highest id), "first" (NLLB), "last" (SigLIP: the last position, padding or not) or "mean"
    (XLM-R: over the tokens that `mask`, 1 or 0 per position, holds). With a mask those tokens alone are attended to.
    """
    ids = graph.node("Cast", ids, to=TensorProto.INT64)
    x = graph.node("Gather", graph.random_weight(vocabulary, width), ids)
    length = graph.node("Shape", ids, start=1, end=2)
    zero = graph.constant(np.array([0]))
    positions = graph.random_weight(context, width, scale=0.5)
    x = graph.node("Add", x, graph.node("Slice", positions, zero, length, zero))
    attended = None
    if causal:
        triangle = np.triu(np.full((context, context), -10000, graph.dtype), 1)
        bounds = graph.node("Concat", length, length, axis=0)
        starts, axes = graph.constant(np.array([0, 0])), graph.constant(np.array([0, 1]))
        attended = graph.node("Slice", graph.constant(triangle), starts, bounds, axes)
    elif mask:
        mask = graph.node("Cast", mask, to=FLOAT[graph.dtype])
        absent = graph.node("Mul", graph.node("Sub", graph.scalar(1), mask), graph.scalar(-10000))
        attended = graph.node("Unsqueeze", absent, graph.constant(np.array([1, 2])))
    x = graph.layer_norm(graph.transformer(x, width, layers, heads, kind, attended), width)
    if pool == "end":
        end = graph.node("ArgMax", ids, axis=1, keepdims=1)
        y = graph.node("GatherND", x, end, batch_dims=1)
    elif pool in ("first", "last"):
        y = graph.node("Gather", x, graph.constant(np.array(0 if pool == "first" else -1)), axis=1)
    else:
        weights = graph.node("Unsqueeze", mask, graph.constant(np.array([2])))
        total = graph.node("ReduceSum", graph.node("Mul", x, weights), graph.constant(np.array([1])), keepdims=0)
        y = graph.node("Div", total, graph.node("ReduceSum", mask, graph.constant(np.array([1])), keepdims=1))
    return x, graph.linear(y, width, out, bias=False)
