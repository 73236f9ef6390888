"""A Piper voice's network, cut where a computation may pause.

    phoneme ids -> frames (text encoder, durations) | -> latents (flow) | -> waveform (decoder)

The decoder is made of convolutions, so it can be run over windows of latents with some margin.
How much margin is read off its kernels.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..onnx.files import GRAPH
from ..onnx.protobuf import Field, read_fields, read_varints, write_field, write_start

# Numbers of fields in onnx.proto.
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 1, 5, 11, 12, 13  # of a graph
_NAME_OF_INITIALIZER, _NAME_OF_VALUE = 8, 1
_INPUTS, _OUTPUTS, _OPERATOR, _ATTRIBUTE = 1, 2, 4, 5  # of a node
_NAME_OF_ATTRIBUTE, _INTEGER, _SUBGRAPH, _INTEGERS = 1, 3, 6, 8
_FLOAT = 1


@dataclass(frozen=True)
class Parts:
    """The parts of a network, each a model of its own."""

    front: tuple[bytes, ...]
    """From phoneme ids to latents, in one part or two; the second takes what the first gives."""
    decoder: bytes
    latents: str
    """Name of the tensor before the decoder, [1, C, frames]."""
    frame_samples: int
    """Samples that the decoder makes of a frame."""
    frames_before: int
    """How far back a sample looks."""
    frames_after: int
    """How far ahead."""


@dataclass(frozen=True)
class _Node:
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, tuple[int, ...]]
    field: Field


def cut(model: bytes) -> Parts | None:
    """Cut a network; None if it is not of the shape that Piper's voices have.

    Raises:
        ValueError: it is not an ONNX model.
    """
    top = [*read_fields(memoryview(model))]
    graphs = [field.value for field in top if field.number == GRAPH]
    if len(graphs) != 1 or not isinstance(graphs[0], memoryview):
        raise ValueError("not an ONNX model")
    graph = [*read_fields(graphs[0])]
    nodes = [_read_node(field) for field in graph if field.number == _NODE]
    outputs = [_name(field, _NAME_OF_VALUE) for field in graph if field.number == _OUTPUT]
    latents = _find_latents(nodes)
    if latents is None or len(outputs) != 1:
        return None
    decoder = _needed_for(outputs, nodes, given={latents})
    inputs = {_name(field, _NAME_OF_VALUE) for field in graph if field.number == _INPUT}
    if not _is_free_of(decoder, inputs - {"sid"}):
        return None  # the decoder looks at the text, too
    before, after, samples = _reach(decoder, latents, outputs[0])

    def part(nodes: Sequence[_Node], given: Iterable[str], wanted: Iterable[str]) -> bytes:
        kept = _graph(graph, nodes)
        kept += [write_field(_INPUT, _value(name)) for name in given]
        kept += [write_field(_OUTPUT, _value(name)) for name in wanted]
        others = [field.whole for field in top if field.number != GRAPH]
        size = sum(map(len, kept))
        return b"".join((*others, write_start(GRAPH, size), *kept))

    front = _needed_for([latents], nodes, given=set())
    between = _find_pause(front, latents, inputs - {"sid"})
    parts = [part(front, (), (latents,))] if between is None else [
        part(_needed_for(between, nodes, given=set()), (), between),
        part(_needed_for([latents], nodes, given={*between}), between, (latents,)),
    ]  # fmt: skip
    return Parts(
        front=tuple(parts),
        decoder=part(decoder, (latents,), outputs),
        latents=latents,
        frame_samples=samples,
        frames_before=math.ceil(before),
        frames_after=math.ceil(after),
    )


def _find_pause(front: Sequence[_Node], latents: str, text: set[str]) -> list[str] | None:
    """The tensors between text encoder and flow: the frames with their noise, and a mask.

    None where there is no such place, or where a tensor may be of something else than floats.
    """
    users: dict[str, list[_Node]] = {}
    for user in front:
        for name in user.inputs:
            users.setdefault(name, []).append(user)
    noise = [one for one in front if one.operator == "RandomNormalLike"]
    node: _Node | None = noise[-1] if noise else None
    while node is not None and node.operator != "Add":  # noise, times deviation, plus mean
        following = users.get(node.outputs[0], [])
        node = following[0] if len(following) == 1 else None
    if node is None:
        return None
    frames = node.outputs[0]
    before = _needed_for([frames], front, given=set())
    done = {id(one) for one in before}
    flow = [one for one in front if id(one) not in done]
    of_text = _depending_on(text, before)
    crossing = {name for one in flow for name in one.inputs if name in of_text}
    makers = [one for one in before if crossing.intersection(one.outputs)]
    if not all(one.operator == "Add" or one.attributes.get("to") == (_FLOAT,) for one in makers):
        return None
    is_free = _is_free_of(_needed_for([latents], front, given=crossing), text)
    return sorted(crossing) if is_free and frames in crossing else None


def _depending_on(names: set[str], nodes: Sequence[_Node]) -> set[str]:
    """The tensors that are computed from some others, or from chance."""
    known = set(names)
    for node in nodes:
        if node.operator.startswith("Random") or not known.isdisjoint(node.inputs):
            known.update(node.outputs)
    return known - names


def _is_free_of(nodes: Sequence[_Node], names: set[str]) -> bool:
    """The nodes use none of these tensors, and no chance."""
    return not any(
        node.operator.startswith("Random") or not names.isdisjoint(node.inputs) for node in nodes
    )


def _find_latents(nodes: Sequence[_Node]) -> str | None:
    """The input of the convolution before the first upsampling."""
    made_by = {name: node for node in nodes for name in node.outputs}
    upsamplings = [node for node in nodes if node.operator == "ConvTranspose"]
    node = made_by.get(upsamplings[0].inputs[0]) if upsamplings else None
    while node is not None and node.operator in ("LeakyRelu", "Add"):
        # A voice of several speakers adds the speaker, through a convolution of one tap.
        parents = [made_by[name] for name in node.inputs if name in made_by]
        wide = [parent for parent in parents if parent.attributes.get("kernel_shape", (0,)) > (1,)]
        node = wide[0] if wide else parents[0] if len(parents) == 1 else None
    return node.inputs[0] if node is not None and node.operator == "Conv" else None


def _needed_for(names: Iterable[str], nodes: Sequence[_Node], given: set[str]) -> list[_Node]:
    """The nodes that compute some tensors, in their order; `given` tensors need none."""
    wanted = {*names}
    needed = []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            needed.append(node)
            wanted.update(set(node.inputs) - given)
    return needed[::-1]


def _reach(nodes: Sequence[_Node], latents: str, output: str) -> tuple[float, float, int]:
    """How many frames before and after its own the output looks at, and its samples a frame."""
    reach: dict[str, tuple[float, float, int]] = {latents: (0.0, 0.0, 1)}
    for node in nodes:
        known = [reach[name] for name in node.inputs if name in reach]
        if not known:
            continue
        before, after = (max(row[side] for row in known) for side in (0, 1))
        rate = max(row[2] for row in known)
        size = node.attributes.get("kernel_shape", (1,))[0]
        pad = node.attributes.get("pads", (0,))[0]
        if node.operator == "Conv":
            taps = (size - 1) * node.attributes.get("dilations", (1,))[0]
            before, after = before + pad / rate, after + (taps - pad) / rate
        elif node.operator == "ConvTranspose":
            stride = node.attributes.get("strides", (1,))[0]
            before += (size - 1 - pad) / stride / rate
            after += pad / stride / rate
            rate *= stride
        for name in node.outputs:
            reach[name] = (before, after, rate)
    return reach[output]


def _graph(graph: Sequence[Field], nodes: Sequence[_Node]) -> list[memoryview | bytes]:
    """A graph's fields with these nodes alone, and of its weights and inputs what they use."""
    kept = {id(node.field) for node in nodes}
    used = {name for node in nodes for name in node.inputs}
    fields: list[memoryview | bytes] = []
    for field in graph:
        if field.number == _NODE:
            is_kept = id(field) in kept
        elif field.number == _INITIALIZER:
            is_kept = _name(field, _NAME_OF_INITIALIZER) in used
        elif field.number == _INPUT:
            is_kept = _name(field, _NAME_OF_VALUE) in used
        else:
            is_kept = field.number not in (_OUTPUT, _VALUE_INFO)
        if is_kept:
            fields.append(field.whole)
    return fields


def _value(name: str) -> bytes:
    """A ValueInfoProto: a tensor of floats, of any shape."""
    tensor = write_field(1, write_field(1, _FLOAT))
    return write_field(_NAME_OF_VALUE, name.encode()) + write_field(2, tensor)


def _read_node(field: Field) -> _Node:
    strings: dict[int, list[str]] = {_INPUTS: [], _OUTPUTS: [], _OPERATOR: []}
    attributes: dict[str, tuple[int, ...]] = {}
    for part in _message(field):
        if part.number in strings:
            strings[part.number].append(_text(part))
        elif part.number == _ATTRIBUTE:
            name, integers, names = _read_attribute(part)
            attributes[name] = integers
            strings[_INPUTS] += names
    return _Node(
        "".join(strings[_OPERATOR]),
        tuple(strings[_INPUTS]),
        tuple(strings[_OUTPUTS]),
        attributes,
        field,
    )


def _read_attribute(field: Field) -> tuple[str, tuple[int, ...], list[str]]:
    """Name and whole numbers of an attribute, and the tensors that a graph in it uses."""
    name = ""
    integers: list[int] = []
    names: list[str] = []
    for part in _message(field):
        if part.number == _NAME_OF_ATTRIBUTE:
            name = _text(part)
        elif part.number in (_INTEGER, _INTEGERS):
            if isinstance(part.value, int):
                integers.append(part.value)
            else:
                integers += read_varints(part.value)
        elif part.number == _SUBGRAPH:
            inner = [_read_node(one) for one in _message(part) if one.number == _NODE]
            names += [used for node in inner for used in node.inputs]
            names += [_name(one, _NAME_OF_VALUE) for one in _message(part) if one.number == _OUTPUT]
    return name, tuple(integers), names


def _message(field: Field) -> Iterator[Field]:
    if not isinstance(field.value, memoryview):
        raise ValueError("not an ONNX model")
    return read_fields(field.value)


def _name(field: Field, number: int) -> str:
    return next((_text(part) for part in _message(field) if part.number == number), "")


def _text(field: Field) -> str:
    if not isinstance(field.value, memoryview):
        raise ValueError("not an ONNX model")
    return bytes(field.value).decode()
