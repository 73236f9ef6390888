"""Reads the structure of an ONNX model without its weights, and extracts parts of it."""

from collections.abc import Iterable, Sequence
from io import BytesIO

from ...steps import Steps
from .nodes import NODE, OUTPUT, SPARSE_WEIGHT, WEIGHT, Node, read_nodes
from .protobuf import Field, FileSlice, Message, Reader, write_field, write_start
from .tensors import (
    DATA_LOCATION,
    EXTERNAL_DATA,
    RAW_DATA,
    ExternalData,
    message,
    name_of,
    read_sparse_tensor,
    read_tensor,
)
from .writer import FLOAT, write_tensor_info

# Numbers of fields in onnx.proto.
_GRAPH, _FUNCTION = 7, 25  # of a model
_INPUT, _VALUE_INFO = 11, 13  # of a graph

_MAX_TOP_FIELDS = 1000
_MAX_GRAPH_FIELDS = 30_000  # with those of the weights; a large voice has about 10,000


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
    return message(graphs[0]), [field for field in fields if field.number != _GRAPH]


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
        self.sizes: dict[str, int] = {}
        """Numbers of elements of the weights, by name."""
        self.external_data: dict[int, ExternalData] = {}
        """Weights in another file, by position."""
        self.data = content[:0]
        """That file."""
        for position, field in enumerate(self._fields):
            if field.number in (WEIGHT, SPARSE_WEIGHT):
                read = read_tensor if field.number == WEIGHT else read_sparse_tensor
                weight = read(field, reader)
                self._names[position] = weight.name
                self.sizes[weight.name] = weight.size
                if weight.data is not None:
                    self.external_data[position] = weight.data
            elif field.number in (_INPUT, OUTPUT):
                self._names[position] = name_of(field, reader)
        self.inputs = [name for name in self._named(_INPUT) if name not in self.sizes]
        """Names, without those of weights, which old files list, too."""
        self.outputs = self._named(OUTPUT)
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
            ValueError: see `read_nodes`; or the network has functions of its own.
        """
        if any(field.number == _FUNCTION for field in self._others):
            raise ValueError("it is a network of another kind: it has functions of its own")
        return (yield from read_nodes(self._fields))

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
            if field.number == NODE:
                is_kept = position in kept
            elif field.number in (WEIGHT, SPARSE_WEIGHT, _INPUT):
                is_kept = self._names[position] in used
            else:
                is_kept = field.number not in (OUTPUT, _VALUE_INFO)
            if is_kept:
                graph += self._encoded(position)
        graph += [write_field(_INPUT, write_tensor_info(name, element_type)) for name in inputs]
        graph += [write_field(OUTPUT, write_tensor_info(name, element_type)) for name in outputs]
        return self._encode(graph)

    def _encoded(self, position: int) -> list[Message | bytes]:
        """Encode a field of the graph; a weight of another file becomes one of this."""
        field = self._fields[position]
        place = self.external_data.get(position)
        if place is None:
            return [field.whole]
        left_out = (RAW_DATA, EXTERNAL_DATA, DATA_LOCATION)
        tensor = Reader(_MAX_GRAPH_FIELDS).fields(message(field))
        parts: list[Message | bytes] = [one.whole for one in tensor if one.number not in left_out]
        content = self.data[place.start : place.end]
        parts += [write_start(RAW_DATA, len(content)), content]
        return [write_start(WEIGHT, sum(map(len, parts))), *parts]

    def _encode(self, graph: list[Message | bytes]) -> bytes:
        """Encode a model, from the parts of its graph."""
        others = [field.whole for field in self._others]
        model = BytesIO()  # one copy of the weights, not two
        for part in (*others, write_start(_GRAPH, sum(map(len, graph))), *graph):
            model.write(bytes(part))
        return model.getvalue()
