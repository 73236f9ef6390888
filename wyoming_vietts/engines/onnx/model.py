"""Reads the structure of an ONNX model without its weights, and extracts parts of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from io import BytesIO
from typing import NamedTuple

from ...steps import Steps
from .protobuf import Field, FileSlice, Message, Reader, write_field, write_start
from .writer import FLOAT, write_tensor_info

# Numbers of fields in onnx.proto.
_GRAPH, _FUNCTION = 7, 25  # of a model
_NODE, _WEIGHT, _INPUT, _OUTPUT, _VALUE_INFO, _SPARSE_WEIGHT = 1, 5, 11, 12, 13, 15  # of a graph
_INPUTS, _OUTPUTS, _OPERATOR, _ATTRIBUTE = 1, 2, 4, 5  # of a node
_INTEGER, _TENSOR, _SUBGRAPH, _INTEGERS, _TENSORS, _SUBGRAPHS = 3, 5, 6, 8, 10, 11  # of attributes
_NAME_OF_WEIGHT, _RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 8, 9, 13, 14
_VALUES, _INDICES = 1, 2  # of a sparse weight
_NAME, _VALUE = 1, 2  # of attributes, inputs, outputs, and entries of external data

_MAX_TOP_FIELDS = 1000
_MAX_GRAPH_FIELDS = 30_000  # with those of the weights; a large voice has about 10,000
_MAX_NODES_FIELDS = 400_000  # a large voice has about 80,000
_MAX_NODE_FIELDS = 40_000  # with those of graphs in it
_MAX_NODES, _MAX_EDGES = 8000, 24_000  # ONNX Runtime opens far more for minutes
_MAX_DEPTH = 8  # of graphs in nodes
_MAX_NAME_BYTES = 4096
_STEP_FIELDS = 4000
_SMALL_BYTES = 65_536  # are read at once


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


class ExternalData(NamedTuple):
    """A weight in another file."""

    file_name: str
    start: int
    """Offset in bytes."""
    end: int
    """Least size of the file, in bytes."""


def find_graph(content: FileSlice) -> tuple[Message, list[Field]]:
    """Split a model into its graph and its other fields.

    Raises:
        CutOffError: the file ends too early.
        ValueError: it is not an ONNX model.
    """
    fields = [*Reader(_MAX_TOP_FIELDS).fields(content)]
    graphs = [field for field in fields if field.number == _GRAPH]
    if len(graphs) != 1:
        raise ValueError("it has no graph")
    return _message(graphs[0]), [field for field in fields if field.number != _GRAPH]


class Model:
    """A model in an open file: names of its inputs, outputs and weights; its nodes on demand."""

    def __init__(self, content: FileSlice) -> None:
        """Read the structure.

        Raises:
            CutOffError: the file ends too early.
            ValueError: it is not an ONNX model, or has too many fields.
        """
        self._content = content
        graph, self._others = find_graph(content)
        reader = Reader(_MAX_GRAPH_FIELDS)
        self._fields = [*reader.fields(graph)]
        self._names: dict[int, str] = {}  # of weights and inputs, by position
        self.external_data: dict[int, ExternalData] = {}
        """Weights in another file, by position."""
        self.data = content[:0]
        """That file."""
        for position, field in enumerate(self._fields):
            if field.number in (_WEIGHT, _SPARSE_WEIGHT):
                self._names[position] = self._read_weight(field, reader, position)
            elif field.number in (_INPUT, _OUTPUT):
                self._names[position] = _name(field, _NAME, reader)
        weights = {*self._named(_WEIGHT), *self._named(_SPARSE_WEIGHT)}
        self.inputs = [name for name in self._named(_INPUT) if name not in weights]
        """Names, without those of weights, which old files list, too."""
        self.outputs = self._named(_OUTPUT)
        """Names."""

    def _named(self, number: int) -> list[str]:
        return [name for at, name in self._names.items() if self._fields[at].number == number]

    def whole(self) -> bytes:
        """Read the whole file, with the weights of another."""
        if not self.external_data:
            return bytes(self._content)
        parts = (self._encoded(position) for position in range(len(self._fields)))
        return self._encode([part for each in parts for part in each])

    def nodes(self) -> Steps[list[Node]]:
        """Read the nodes, with pauses, in topological order.

        Raises:
            ValueError: they are damaged or too many, form a cycle, have a loop, or have weights in
                another file.
        """
        if any(field.number == _FUNCTION for field in self._others):
            raise ValueError("it is a network of another kind: it has functions of its own")
        nodes: list[Node] = []
        seen = next_pause = edges = 0
        for position, field in enumerate(self._fields):
            if field.number != _NODE:
                continue
            reader = Reader(min(_MAX_NODE_FIELDS, _MAX_NODES_FIELDS - seen))
            content = _message(field)
            in_memory = memoryview(bytes(content)) if len(content) < _SMALL_BYTES else content
            node = self._read_node(in_memory, position, reader)
            nodes.append(node)
            edges += len(node.inputs)
            if len(nodes) > _MAX_NODES or edges > _MAX_EDGES:
                raise ValueError(
                    f"it has more than {_MAX_NODES:,} nodes or {_MAX_EDGES:,} inputs of them"
                )
            seen += reader.seen
            if seen > next_pause:
                yield
                next_pause = seen + _STEP_FIELDS
        yield
        return (yield from _sort(nodes))

    def extract(
        self,
        nodes: Sequence[Node],
        inputs: Iterable[str],
        outputs: Iterable[str],
        element_type: int = FLOAT,
    ) -> bytes:
        """Encode a model of some of the nodes, with the weights and inputs they use.

        Args:
            inputs: names of tensors that become inputs, in addition to those of the whole model.
            outputs: names of tensors.
            element_type: of `inputs` and `outputs`.
        """
        kept = {node.position for node in nodes}
        used = {name for node in nodes for name in node.inputs}
        graph: list[Message | bytes] = []
        for position, field in enumerate(self._fields):
            if field.number == _NODE:
                is_kept = position in kept
            elif field.number in (_WEIGHT, _SPARSE_WEIGHT, _INPUT):
                is_kept = self._names[position] in used
            else:
                is_kept = field.number not in (_OUTPUT, _VALUE_INFO)
            if is_kept:
                graph += self._encoded(position)
        graph += [write_field(_INPUT, write_tensor_info(name, element_type)) for name in inputs]
        graph += [write_field(_OUTPUT, write_tensor_info(name, element_type)) for name in outputs]
        return self._encode(graph)

    def _encoded(self, position: int) -> list[Message | bytes]:
        """Encode a field of the graph; a weight of another file becomes one of this."""
        field = self._fields[position]
        place = self.external_data.get(position)
        if place is None:
            return [field.whole]
        left_out = (_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION)
        tensor = Reader(_MAX_GRAPH_FIELDS).fields(_message(field))
        parts: list[Message | bytes] = [one.whole for one in tensor if one.number not in left_out]
        content = self.data[place.start : place.end]
        parts += [write_start(_RAW_DATA, len(content)), content]
        return [write_start(_WEIGHT, sum(map(len, parts))), *parts]

    def _encode(self, graph: list[Message | bytes]) -> bytes:
        """Encode a model, from the parts of its graph."""
        others = [field.whole for field in self._others]
        model = BytesIO()  # one copy of the weights, not two
        for part in (*others, write_start(_GRAPH, sum(map(len, graph))), *graph):
            model.write(bytes(part))
        return model.getvalue()

    def _read_weight(self, field: Field, reader: Reader, position: int | None = None) -> str:
        """Read the name of a tensor, and its place if that is another file.

        Args:
            position: of a weight of the graph; no others may be in another file.
        """
        name = ""
        entries: dict[str, str] = {}
        for part in reader.fields(_message(field)):
            if part.number == _NAME_OF_WEIGHT:
                name = _text(part)
            elif part.number == _EXTERNAL_DATA:
                pair = {one.number: _text(one) for one in reader.fields(_message(part))}
                entries[pair.get(_NAME, "")] = pair.get(_VALUE, "")
            elif part.number == _VALUES and field.number == _SPARSE_WEIGHT:
                name = self._read_weight(part, reader)
            elif part.number == _INDICES and field.number == _SPARSE_WEIGHT:
                self._read_weight(part, reader)
        if entries:
            if position is None:
                raise ValueError("its nodes have weights in another file")
            start, length = (int(entries.get(key, "0")) for key in ("offset", "length"))
            if min(start, length) < 0:
                raise ValueError("a weight is at a negative place of another file")
            place = ExternalData(entries.get("location", ""), start, start + length)
            self.external_data[position] = place
        return name

    def _read_node(self, node: Message, position: int, reader: Reader, depth: int = 0) -> Node:
        if depth > _MAX_DEPTH:
            raise ValueError("its graphs are nested too deeply")
        strings: dict[int, list[str]] = {_INPUTS: [], _OUTPUTS: [], _OPERATOR: []}
        attributes: dict[str, tuple[int, ...]] = {}
        has_graph = False
        for part in reader.fields(node):
            if part.number in strings:
                strings[part.number].append(_text(part))
            elif part.number == _ATTRIBUTE:
                name, integers, graphs, names = self._read_attribute(part, reader, depth)
                has_graph |= graphs > 0
                attributes[name] = integers
                strings[_INPUTS] += names
        operator = "".join(strings[_OPERATOR])
        if has_graph and operator != "If":  # Loop, Scan and the like may never end
            raise ValueError(f"it is a network of another kind: it has the operator {operator}")
        return Node(
            operator,
            tuple(filter(None, strings[_INPUTS])),  # "" stands for one that is left out
            tuple(filter(None, strings[_OUTPUTS])),
            attributes,
            position,
        )

    def _read_attribute(
        self, field: Field, reader: Reader, depth: int
    ) -> tuple[str, tuple[int, ...], int, list[str]]:
        """Read an attribute: name, integers, number of graphs, and the tensors that these use."""
        name = ""
        integers: list[int] = []
        names: list[str] = []
        graphs = 0
        for part in reader.fields(_message(field)):
            if part.number == _NAME:
                name = _text(part)
            elif part.number in (_INTEGER, _INTEGERS):
                packed = [part.value] if isinstance(part.value, int) else part.value
                integers += packed if isinstance(packed, list) else reader.integers(packed)
            elif part.number in (_TENSOR, _TENSORS):
                self._read_weight(part, reader)
            elif part.number in (_SUBGRAPH, _SUBGRAPHS):
                graphs += 1
                for one in reader.fields(_message(part)):
                    if one.number == _NODE:
                        names += self._read_node(_message(one), 0, reader, depth + 1).inputs
                    elif one.number == _OUTPUT:
                        names.append(_name(one, _NAME, reader))
                    elif one.number in (_WEIGHT, _SPARSE_WEIGHT):
                        self._read_weight(one, reader)
        return name, tuple(integers), graphs, names


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


def _message(field: Field) -> Message:
    if isinstance(field.value, int):
        raise ValueError(f"field {field.number} is a number")
    return field.value


def _name(field: Field, number: int, reader: Reader) -> str:
    return next((_text(p) for p in reader.fields(_message(field)) if p.number == number), "")


def _text(field: Field) -> str:
    content = _message(field)
    if len(content) > _MAX_NAME_BYTES:
        raise ValueError(f"a name has {len(content):,} bytes")
    return bytes(content).decode()
