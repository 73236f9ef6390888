"""Writes ONNX models, node by node."""

import struct
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .protobuf import write_field, write_fixed_32

FLOAT, INT64, FLOAT16 = 1, 7, 10
"""Element types."""

_IR_VERSION, _OPSET = 8, 15
_PRODUCER = b"wyoming-vietts"
# Numbers of fields in onnx.proto.
_MODEL_IR_VERSION, _MODEL_PRODUCER, _MODEL_GRAPH, _MODEL_OPSET = 1, 2, 7, 8
_GRAPH_NODE, _GRAPH_NAME, _GRAPH_WEIGHT, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 2, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE = 1, 2, 4, 5
_TENSOR_SIZE, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_CONTENT = 1, 2, 8, 9
_ATTRIBUTE_NAME, _ATTRIBUTE_TYPE = 1, 20
_AS_FLOAT, _AS_INTEGER, _AS_INTEGERS = (2, 1), (3, 2), (8, 7)  # field of an attribute, and its type


class GraphWriter:
    """Collects nodes and weights; names the tensors itself, unless told otherwise."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._weights: list[bytes] = []

    def node(
        self,
        operator: str,
        *inputs: str,
        output: str = "",
        **attributes: float | list[int],
    ) -> str:
        """Add an operator; return the name of its output.

        Args:
            output: a name, instead of a new one.
            attributes: integers must not be negative.
        """
        output = output or f"t{len(self._nodes)}"
        node = b"".join(write_field(_NODE_INPUT, name.encode()) for name in inputs)
        node += write_field(_NODE_OUTPUT, output.encode())
        node += write_field(_NODE_OPERATOR, operator.encode())
        for name, value in attributes.items():
            node += write_field(_NODE_ATTRIBUTE, _attribute(name, value))
        self._nodes.append(node)
        return output

    def weight(self, values: npt.ArrayLike) -> str:
        """Add a constant tensor, float32 or int64; return its name."""
        array = np.asarray(values)
        is_float = array.dtype.kind == "f"
        name = f"w{len(self._weights)}"
        tensor = b"".join(write_field(_TENSOR_SIZE, size) for size in array.shape)
        tensor += write_field(_TENSOR_TYPE, FLOAT if is_float else INT64)
        tensor += write_field(_TENSOR_NAME, name.encode())
        tensor += write_field(_TENSOR_CONTENT, array.astype("<f4" if is_float else "<i8").tobytes())
        self._weights.append(tensor)
        return name

    def encode(
        self, inputs: Mapping[str, tuple[int, int]], outputs: Mapping[str, tuple[int, int]]
    ) -> bytes:
        """Encode the model.

        Args:
            inputs, outputs: element types and numbers of dimensions by name.
        """
        graph = [
            *(write_field(_GRAPH_NODE, node) for node in self._nodes),
            write_field(_GRAPH_NAME, b"voice"),
            *(write_field(_GRAPH_WEIGHT, weight) for weight in self._weights),
            *(write_field(_GRAPH_INPUT, write_tensor_info(n, *kind)) for n, kind in inputs.items()),
            *(
                write_field(_GRAPH_OUTPUT, write_tensor_info(n, *kind))
                for n, kind in outputs.items()
            ),
        ]
        return b"".join(
            (
                write_field(_MODEL_IR_VERSION, _IR_VERSION),
                write_field(_MODEL_PRODUCER, _PRODUCER),
                write_field(_MODEL_GRAPH, b"".join(graph)),
                write_field(_MODEL_OPSET, write_field(2, _OPSET)),
            )
        )


def write_tensor_info(name: str, element_type: int, dimensions: int | None = None) -> bytes:
    """Encode a ValueInfoProto: a tensor of any shape, or of any sizes of its dimensions."""
    tensor = write_field(1, element_type)
    if dimensions is not None:
        tensor += write_field(2, write_field(1, b"") * dimensions)
    return write_field(1, name.encode()) + write_field(2, write_field(1, tensor))


def _attribute(name: str, value: float | list[int]) -> bytes:
    if isinstance(value, list):
        field, kind = _AS_INTEGERS
        content = b"".join(write_field(field, one) for one in value)
    elif isinstance(value, int):
        field, kind = _AS_INTEGER
        content = write_field(field, value)
    else:
        field, kind = _AS_FLOAT
        content = write_fixed_32(field, struct.pack("<f", value))
    named = write_field(_ATTRIBUTE_NAME, name.encode())
    return named + content + write_field(_ATTRIBUTE_TYPE, kind)
