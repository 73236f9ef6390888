"""Writes a VieNeu model of the published sizes with random weights: it takes as long, and babbles.

What is inside the published networks is not known here; these have as many parameters, in ConvNeXt
blocks, with attention to text and style in the estimator.
"""

import sys
from pathlib import Path

import numpy as np

from tests.engines.onnx.graph import BOOL, FLOAT, INT64, Graph
from tests.engines.vieneu.tiny_model import write_config, write_constants, write_presets

CONTEXT = 256
WIDTH = 512
PARAMETERS = {"text_encoder": 6.6e6, "vector_estimator": 38.8e6, "codec_decoder": 24.8e6}
_STYLE = (FLOAT, [1, 50, 256])
_SPEAKER = (FLOAT, [1, 192])


def write_large_model(folder: Path) -> Path:
    """Write the files for speech: 280 MB."""
    folder.mkdir(parents=True, exist_ok=True)
    write_config(folder)
    write_constants(folder)
    write_presets(folder)
    _text_encoder(folder)
    _duration_predictor(folder)
    _vector_estimator(folder)
    _codec_decoder(folder)
    return folder


def _linear(graph: Graph, x: str, inputs: int, outputs: int) -> str:
    return graph.node("MatMul", x, graph.weight(inputs, outputs, scale=inputs**-0.5))


def _norm(graph: Graph, x: str, width: int) -> str:
    ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)
    return graph.node("LayerNormalization", x, graph.constant(ones), graph.constant(zeros), axis=-1)


def _block(graph: Graph, x: str, width: int, hidden: int) -> str:
    """A ConvNeXt block: [1, T, width] -> the same."""
    columns = graph.node("Transpose", x, perm=[0, 2, 1])
    kernel = graph.weight(width, 1, 7, scale=7**-0.5)
    mixed = graph.node("Conv", columns, kernel, kernel_shape=[7], pads=[3, 3], group=width)
    rows = _norm(graph, graph.node("Transpose", mixed, perm=[0, 2, 1]), width)
    wide = _linear(graph, rows, width, hidden)
    half = graph.constant(np.float32(2**-0.5))
    one, two = graph.constant(np.float32(1.0)), graph.constant(np.float32(2.0))
    bent = graph.node("Add", graph.node("Erf", graph.node("Mul", wide, half)), one)
    active = graph.node("Div", graph.node("Mul", wide, bent), two)
    return graph.node("Add", x, _linear(graph, active, hidden, width))


def _attention(graph: Graph, x: str, other: str, width: int, heads: int = 4) -> str:
    """[1, T, width] attends to [1, L, 256]."""
    split = graph.constant(np.array([0, 0, heads, width // heads]))
    parts = []
    for source, inputs, order in ((x, width, [0, 2, 1, 3]), (other, CONTEXT, [0, 2, 3, 1]),
                                  (other, CONTEXT, [0, 2, 1, 3])):  # fmt: skip
        shaped = graph.node("Reshape", _linear(graph, source, inputs, width), split)
        parts.append(graph.node("Transpose", shaped, perm=order))
    queries, keys, values = parts
    scale = graph.constant(np.float32((width // heads) ** -0.5))
    weights = graph.node("Mul", graph.node("MatMul", queries, keys), scale)
    seen = graph.node("MatMul", graph.node("Softmax", weights, axis=-1), values)
    rows = graph.node("Transpose", seen, perm=[0, 2, 1, 3])
    flat = graph.node("Reshape", rows, graph.constant(np.array([0, 0, width])))
    return graph.node("Add", x, _linear(graph, flat, width, width))


def _fill(graph: Graph, x: str, parameters: float) -> str:
    """Add blocks until the network has this many parameters."""
    count = max(1, round(parameters / (2 * WIDTH * 4 * WIDTH)))
    hidden = round(parameters / count / 2 / WIDTH)
    for _ in range(count):
        x = _block(graph, x, WIDTH, hidden)
    return x


def _text_encoder(folder: Path) -> None:
    graph = Graph(1)
    x = graph.node("Gather", graph.weight(200, WIDTH), "ids")
    x = _attention(graph, x, "style", WIDTH)
    x = _fill(graph, x, PARAMETERS["text_encoder"] - 1.0e6)
    output = _linear(graph, x, WIDTH, CONTEXT)
    graph.save(folder / "text_encoder.onnx",
               {"ids": (INT64, [1, "length"]), "style": _STYLE}, output)  # fmt: skip


def _duration_predictor(folder: Path) -> None:
    """About 70 ms for each phoneme, as in speech."""
    graph = Graph(2)
    count = graph.node("ReduceSum", graph.node("Cast", "ctx_mask", to=FLOAT), keepdims=0)
    length = graph.node("Log", graph.node("Mul", count, graph.constant(np.float32(0.05))))
    hidden = _linear(graph, graph.node("Tanh", "ctx"), CONTEXT, WIDTH)
    nothing = graph.constant(np.float32(0.0))
    detail = graph.node("ReduceMean", _linear(graph, hidden, WIDTH, 96), keepdims=0)
    voice = graph.node("Mul", graph.node("ReduceMean", "spk", keepdims=0), nothing)
    total = graph.node("Add", graph.node("Add", length, voice), graph.node("Mul", detail, nothing))
    output = graph.node("Unsqueeze", total, graph.constant(np.array([0])))
    context = (FLOAT, [1, "length", CONTEXT])
    graph.save(folder / "duration_predictor.onnx",
               {"ctx": context, "ctx_mask": (BOOL, [1, "length"]), "spk": _SPEAKER},
               output)  # fmt: skip


def _vector_estimator(folder: Path) -> None:
    graph = Graph(3)
    x = _linear(graph, graph.node("Transpose", "x", perm=[0, 2, 1]), 144, WIDTH)
    rows = graph.node("Unsqueeze", _linear(graph, "spk", 192, WIDTH), graph.constant(np.array([1])))
    time = graph.node("Reshape", "t", graph.constant(np.array([1, 1, 1])))
    x = graph.node("Add", graph.node("Add", x, rows), time)
    kept = graph.node("Cast", "ctx_mask", to=FLOAT)
    context = graph.node("Mul", "ctx", graph.node("Unsqueeze", kept, graph.constant(np.array([2]))))
    rest = (PARAMETERS["vector_estimator"] - 8 * 0.79e6 - 0.25e6) / 4
    for _ in range(4):
        x = _attention(graph, x, context, WIDTH)
        x = _attention(graph, x, "style", WIDTH)
        x = _fill(graph, x, rest)
    rows = _linear(graph, _norm(graph, x, WIDTH), WIDTH, 144)
    output = graph.node("Transpose", rows, perm=[0, 2, 1])
    context_shape = (FLOAT, [1, "length", CONTEXT])
    graph.save(folder / "vector_estimator.onnx",
               {"x": (FLOAT, [1, 144, "blocks"]), "t": (FLOAT, [1]), "ctx": context_shape,
                "ctx_mask": (BOOL, [1, "length"]), "spk": _SPEAKER, "style": _STYLE},
               output)  # fmt: skip


def _codec_decoder(folder: Path) -> None:
    """From blocks to frames of 256 samples, each of which is a row."""
    graph = Graph(4)
    split = graph.node("Reshape", "x", graph.constant(np.array([1, 24, 6, -1])))
    frames = graph.node("Transpose", split, perm=[0, 3, 2, 1])
    x = _linear(graph, graph.node("Reshape", frames, graph.constant(np.array([1, -1, 24]))),
                24, WIDTH)  # fmt: skip
    x = _fill(graph, x, PARAMETERS["codec_decoder"] - 0.15e6)
    samples = graph.node("Tanh", _linear(graph, _norm(graph, x, WIDTH), WIDTH, 256))
    quiet = graph.node("Mul", samples, graph.constant(np.float32(0.3)))
    output = graph.node("Reshape", quiet, graph.constant(np.array([1, 1, -1])))
    graph.save(folder / "codec_decoder.onnx", {"x": (FLOAT, [1, 144, "blocks"])}, output)


if __name__ == "__main__":
    write_large_model(Path(sys.argv[1]))
