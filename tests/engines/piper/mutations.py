"""Mutations of a Piper voice's files: of bytes, of a graph's parts, and of JSON values."""

import json
import random
from collections.abc import Callable
from typing import Any

import onnx

NUMBERS = [0, 1, -1, 2, 3, 7, 100, 2**31, -(2**63), 2**63 - 1]
VALUES: list[Any] = [
    None, True, "", "vi", "\0", "\ud800", [], {}, [0], 0, -1, 0.5, 1e5, 1e308, 10**30,
    float("inf"), float("nan"), [[0]] * 3, {"a": 1}, "x" * 1000,
]  # fmt: skip


def mutate_bytes(content: bytes, draw: random.Random) -> bytes:
    """Change, insert, remove, repeat or cut off some bytes."""
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 5, 30])):
        at = draw.randrange(len(changed) + 1)
        size = draw.choice([1, 1, 2, 4, 16, 300])
        kind = draw.randrange(6)
        if kind < 3:
            changed[at : at + size] = draw.randbytes(size)
        elif kind == 3:
            changed[at:at] = draw.randbytes(size)
        elif kind == 4:
            del changed[at : at + size]
        else:
            changed[at:at] = changed[at : at + size]
    return bytes(changed[: draw.randrange(len(changed) + 1)] if draw.random() < 0.05 else changed)


def mutate_head(content: bytes, draw: random.Random) -> bytes:
    """Change single bytes of the part that is not weights: they make up the graph."""
    changed = bytearray(content)
    text = [at for at, byte in enumerate(changed[:20_000]) if byte < 0x20] or [0]
    for _ in range(draw.choice([1, 2, 4])):
        changed[draw.choice(text)] = draw.choice([0, 1, 2, 3, 7, 8, 10, 18, 42, 0x7F, 0x80, 0xFF])
    return bytes(changed)


def mutate_graph(content: bytes, draw: random.Random) -> bytes:
    """Change a few parts of a graph, which stays one that can be read."""
    model = onnx.load_from_string(content)
    graph = model.graph
    names = [name for node in graph.node for name in (*node.input, *node.output)]
    operators = [node.op_type for node in graph.node]

    def change_number(node: onnx.NodeProto) -> None:
        for attribute in node.attribute:
            if attribute.ints:
                attribute.ints[draw.randrange(len(attribute.ints))] = draw.choice(NUMBERS)
            attribute.i = draw.choice(NUMBERS)

    def change_input(node: onnx.NodeProto) -> None:
        if node.input:
            node.input[draw.randrange(len(node.input))] = draw.choice(names)

    def change_output(node: onnx.NodeProto) -> None:
        if node.output:
            node.output[0] = draw.choice(names)

    def change_weight(_: onnx.NodeProto) -> None:
        weight = draw.choice(graph.initializer)
        kind = draw.randrange(3)
        if kind == 0 and weight.dims:
            weight.dims[draw.randrange(len(weight.dims))] = draw.choice(NUMBERS)
        elif kind == 1:
            weight.data_type = draw.randrange(24)
        elif weight.raw_data:
            weight.raw_data = mutate_bytes(weight.raw_data, draw)

    changes: list[Callable[[onnx.NodeProto], None]] = [
        change_number,
        change_input,
        change_output,
        change_weight,
        lambda node: setattr(node, "op_type", draw.choice(operators)),
        lambda node: node.ClearField("attribute"),
        lambda node: node.ClearField("input"),
        lambda node: graph.node.remove(node),
        lambda node: graph.node.append(node),
    ]
    for _ in range(draw.choice([1, 1, 2, 4])):
        draw.choice(changes)(draw.choice(graph.node))
    return model.SerializeToString()


def mutate_weights(content: bytes, draw: random.Random) -> bytes:
    """Make some weights larger, or anything, so that durations and samples are, too."""
    model = onnx.load_from_string(content)
    floats = [w for w in model.graph.initializer if w.data_type == onnx.TensorProto.FLOAT]
    for weight in draw.sample(floats, min(len(floats), draw.choice([1, 2, 8]))):
        values = onnx.numpy_helper.to_array(weight).copy().reshape(-1)
        kind = draw.randrange(4)
        if kind == 0:
            values *= draw.choice([-1, 3, 10, 1000, 1e30])
        elif kind == 1:
            values += draw.choice([1, 10, -10, 1e5])
        elif kind == 2:
            values[:] = draw.choice([0, 1, float("inf"), float("nan")])
        else:
            values[draw.randrange(len(values))] = draw.choice([1e5, -1e30, float("nan")])
        weight.raw_data = values.tobytes()
    return model.SerializeToString()


def mutate_json(content: bytes, draw: random.Random) -> bytes:
    """Replace, remove or add values, at any depth; or change the text itself."""
    if draw.random() < 0.3:
        return mutate_bytes(content, draw)
    values = json.loads(content)
    for _ in range(draw.choice([1, 1, 2, 4])):
        inner = values
        while isinstance(inner, dict) and inner:
            key = draw.choice(list(inner))
            if not isinstance(inner[key], dict) or draw.random() < 0.3:
                kind = draw.randrange(8)
                if kind == 0:
                    del inner[key]
                elif kind == 1:
                    inner[draw.choice(["", "\n", "1", "x" * 100])] = inner[key]
                else:
                    inner[key] = draw.choice(VALUES)
                break
            inner = inner[key]
    return json.dumps(values).encode()
