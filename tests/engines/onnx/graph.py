"""Builds small ONNX networks, node by node, with seeded random weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT32, INT64, BOOL = (
    TensorProto.FLOAT,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
)
Tensor = tuple[int, Sequence[int | str]]
"""Type and shape."""


class Graph:
    """Nodes and weights of a network under construction, each known by its name."""

    def __init__(self, seed: int | np.random.RandomState) -> None:
        self._draw = np.random.RandomState(seed) if isinstance(seed, int) else seed
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def constant(self, values: Any, name: str = "") -> str:
        name = name or f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def weight(self, *shape: int, scale: float = 0.3, name: str = "") -> str:
        values = self._draw.standard_normal(shape) * scale
        return self.constant(values.astype(np.float32), name)

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def model(
        self, inputs: Mapping[str, Tensor], output: str, tensor: Tensor | None, opset: int = 17
    ) -> onnx.ModelProto:
        """Make a model with one output; one of a known type is checked by onnx's own checker."""
        value = helper.make_tensor_value_info
        unknown = helper.make_empty_tensor_value_info(output)
        graph = helper.make_graph(
            self._nodes,
            "tiny",
            [value(name, *tensor) for name, tensor in inputs.items()],
            [value(output, *tensor) if tensor else unknown],
            self._weights,
        )
        opsets = [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        if tensor:
            onnx.checker.check_model(model)
        return model

    def save(
        self, path: Path, inputs: Mapping[str, Tensor], output: str, tensor: Tensor | None = None
    ) -> None:
        onnx.save(self.model(inputs, output, tensor), path)
