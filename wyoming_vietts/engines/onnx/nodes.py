"""Reads the nodes of an ONNX graph: operators, and the tensors that they use and compute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from ...steps import Steps
from .protobuf import Field, Message, Reader
from .tensors import NAME, integers, message, name_of, read_inner_tensor, read_sparse_tensor, text

# Numbers of fields in onnx.proto.
NODE, WEIGHT, OUTPUT, SPARSE_WEIGHT = 1, 5, 12, 15  # of a graph
_INPUTS, _OUTPUTS, _OPERATOR, _ATTRIBUTE = 1, 2, 4, 5  # of a node
_INTEGER, _TENSOR, _SUBGRAPH, _INTEGERS, _TENSORS, _SUBGRAPHS = 3, 5, 6, 8, 10, 11  # of attributes

_MAX_FIELDS = 400_000  # of all nodes; a large voice has about 80,000
_MAX_FIELDS_OF_ONE = 40_000  # with those of graphs in it
# A large voice has 6,700 nodes with 8,500 inputs, which ONNX Runtime opens in 0.2 s.
_MAX_NODES, _MAX_INPUTS = 16_000, 32_000
_MAX_RARE_NODES = 1000  # as ONNX Runtime opens those that it replaces by others for seconds
_MAX_DEPTH = 8  # of graphs in nodes
_STEP_FIELDS = 4000
_SMALL_BYTES = 65_536  # are read at once

_COMMON_OPERATORS = {
    "Add", "And", "Cast", "Ceil", "Clip", "Concat", "Constant", "ConstantOfShape", "Conv",
    "ConvTranspose", "CumSum", "Div", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather",
    "GatherElements", "GatherND", "Gemm", "Greater", "GreaterOrEqual", "Identity", "LeakyRelu",
    "LayerNormalization", "Less", "LessOrEqual", "Log", "MatMul", "Max", "Min", "Mul", "Neg",
    "NonZero", "Not", "Or", "Pad", "Pow", "RandomNormalLike", "Range", "Reciprocal", "ReduceMax",
    "ReduceMean", "ReduceSum", "Relu", "Reshape", "Round", "ScatterND", "Shape", "Sigmoid", "Sin",
    "Slice", "Softmax", "Softplus", "Split", "Sqrt", "Squeeze", "Sub", "Tanh", "Tile", "Transpose",
    "Unsqueeze", "Where",
}  # fmt: skip
"""Operators that voices have many of, and ONNX Runtime opens fast."""


_SLOW_OPERATORS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_MAX_FOLDED = 500


@dataclass(frozen=True)
class Node:
    """An operator of a graph."""

    operator: str
    inputs: tuple[str, ...]
    """Tensors used by the operator or a graph in it."""
    outputs: tuple[str, ...]
    attributes: Mapping[str, tuple[int, ...]]
    """Integers by name."""
    position: int
    """Index of the field in the graph."""
    size: int
    """Elements of the tensors in its attributes, such as the value of a Constant."""


def folds_soon(nodes: Sequence[Node], inputs: Sequence[str]) -> bool:
    """Tell whether what is the same in every run can be computed soon, when a network is opened.

    Args:
        nodes: in topological order.
        inputs: of the graph, without its weights.
    """
    varying = {*inputs}
    folded = 0
    for node in nodes:
        if varying.isdisjoint(node.inputs):
            folded += 1
            if node.operator not in _COMMON_OPERATORS - _SLOW_OPERATORS or folded > _MAX_FOLDED:
                return False
        else:
            varying.update(node.outputs)
    return True


def read_nodes(fields: Sequence[Field]) -> Steps[list[Node]]:
    """Read the nodes among the fields of a graph, with pauses, in topological order.

    Raises:
        ValueError: they are damaged or too many, form a cycle, have a loop, or have weights in
            another file.
    """
    reader = _NodeReader()
    nodes: list[Node] = []
    next_pause = 0
    for position, part in enumerate(fields):
        if part.number != NODE:
            continue
        content = message(part)
        in_memory = memoryview(bytes(content)) if len(content) < _SMALL_BYTES else content
        nodes.append(reader.read(in_memory, position))
        if reader.seen > next_pause:
            yield
            next_pause = reader.seen + _STEP_FIELDS
    yield
    return (yield from _sort(nodes))


@dataclass
class _Attribute:
    """An attribute of a node, as far as it has been read."""

    name: str = ""
    integers: list[int] = field(default_factory=list)
    size: int = 0
    """Elements of its tensors."""
    has_graph: bool = False
    tensors: list[str] = field(default_factory=list)
    """Names of those that its graphs use."""


class _NodeReader:
    """Reads nodes, up to a number of them, with those of the graphs in them."""

    def __init__(self) -> None:
        self.seen = 0
        """Fields of the nodes so far."""
        self._nodes = self._rare = self._inputs = 0

    def read(self, content: Message, position: int) -> Node:
        """Read a node of a graph."""
        reader = Reader(min(_MAX_FIELDS_OF_ONE, _MAX_FIELDS - self.seen))
        node = self._read(content, position, reader, depth=0)
        self.seen += reader.seen
        return node

    def _read(self, content: Message, position: int, reader: Reader, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise ValueError("its graphs are nested too deeply")
        strings: dict[int, list[str]] = {_INPUTS: [], _OUTPUTS: [], _OPERATOR: []}
        attributes: dict[str, tuple[int, ...]] = {}
        has_graph, size = False, 0
        for part in reader.fields(content):
            if part.number in strings:
                strings[part.number].append(text(part))
            elif part.number == _ATTRIBUTE:
                attribute = _Attribute()
                self._read_attribute(message(part), attribute, reader, depth)
                attributes[attribute.name] = tuple(attribute.integers)
                has_graph |= attribute.has_graph
                size += attribute.size
                strings[_INPUTS] += attribute.tensors
        operator = "".join(strings[_OPERATOR])
        if has_graph and operator != "If":  # Loop, Scan and the like may never end
            raise ValueError(f"it is a network of another kind: it has the operator {operator}")
        inputs = tuple(filter(None, strings[_INPUTS]))  # "" stands for one that is left out
        outputs = tuple(filter(None, strings[_OUTPUTS]))
        self._count(operator, inputs)
        return Node(operator, inputs, outputs, attributes, position, size)

    def _count(self, operator: str, inputs: Sequence[str]) -> None:
        self._nodes += 1
        self._inputs += len(inputs)
        self._rare += operator not in _COMMON_OPERATORS
        if self._nodes > _MAX_NODES or self._inputs > _MAX_INPUTS:
            raise ValueError(
                f"it has more than {_MAX_NODES:,} nodes or {_MAX_INPUTS:,} inputs of them"
            )
        if self._rare > _MAX_RARE_NODES:
            raise ValueError(
                f"it has more than {_MAX_RARE_NODES:,} nodes of operators that are rare in voices, "
                f"such as {operator:.40}"
            )

    def _read_attribute(
        self, content: Message, attribute: _Attribute, reader: Reader, depth: int
    ) -> None:
        for part in reader.fields(content):
            if part.number == NAME:
                attribute.name = text(part)
            elif part.number in (_INTEGER, _INTEGERS):
                attribute.integers += integers(part, reader)
            elif part.number in (_TENSOR, _TENSORS):
                attribute.size += read_inner_tensor(part, reader).size
            elif part.number in (_SUBGRAPH, _SUBGRAPHS):
                attribute.has_graph = True
                for one in reader.fields(message(part)):
                    if one.number == NODE:
                        node = self._read(message(one), 0, reader, depth + 1)
                        attribute.tensors += node.inputs
                    elif one.number == OUTPUT:
                        attribute.tensors.append(name_of(one, reader))
                    elif one.number == WEIGHT:
                        read_inner_tensor(one, reader)
                    elif one.number == SPARSE_WEIGHT:
                        read_sparse_tensor(one, reader)


def _sort(nodes: list[Node]) -> Steps[list[Node]]:
    """Sort nodes topologically, with pauses, as ONNX Runtime does."""
    maker: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in node.outputs:
            if maker.setdefault(name, index) != index:
                raise ValueError(f"two of its nodes compute '{name}'")
    yield
    needs = {
        index: {maker[name] for name in node.inputs if name in maker}
        for index, node in enumerate(nodes)
    }
    yield
    if all(index > max(needed, default=-1) for index, needed in needs.items()):
        return nodes
    try:
        return [nodes[index] for index in TopologicalSorter(needs).static_order()]
    except CycleError:
        raise ValueError("its nodes form a cycle") from None
