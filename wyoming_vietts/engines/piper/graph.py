"""Finds the tensors at which the network of a Piper voice is cut, for pauses.

    phoneme ids -> frames (text encoder, durations) | -> latents (flow) | -> waveform (decoder)

The decoder consists of convolutions, so it can run over windows of latents, with a margin given by
the sizes of its kernels.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...errors import ModelError
from ..onnx.model import Model
from ..onnx.nodes import Node
from ..onnx.writer import FLOAT, FLOAT16

_POINTWISE = {
    "Abs", "Add", "Cast", "Clip", "Constant", "Div", "Elu", "Erf", "Exp", "Gelu", "Identity",
    "LeakyRelu", "Mul", "Neg", "PRelu", "Pow", "Reciprocal", "Relu", "Sigmoid", "Sin",
    "Softplus", "Sqrt", "Sub", "Squeeze", "Tanh", "Unsqueeze",
}  # fmt: skip
"""Operators that compute each sample from the one at the same position."""

_FLOATS = ((FLOAT,), (FLOAT16,))
_MAX_KERNEL, _MAX_STRIDE, _MAX_DILATION = 1024, 256, 64
_MAX_FRAME_SAMPLES = 4096
_MAX_MARGIN_FRAMES = 128
_MAX_WEIGHTS = 200_000_000  # elements that all nodes use; those of a large voice use 28 million
_MAX_CONVOLUTION_WEIGHTS = 8_000_000  # a large voice has 2 million
_MAX_OPERATIONS = 1_000_000_000  # of the decoder, for a frame; a large voice needs 310 million


@dataclass(frozen=True)
class Part:
    """A part of a network."""

    nodes: Sequence[Node]
    inputs: tuple[str, ...]
    """Names of tensors that another part computes."""
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Window:
    """The geometry of the decoder."""

    latents: str
    """Name of its input, [1, C, frames]."""
    frame_samples: int
    """Samples of a frame."""
    frames_before: int
    """Receptive field, backwards."""
    frames_after: int
    """Receptive field, forwards."""


@dataclass(frozen=True)
class Cut:
    """The parts of a network."""

    front: tuple[Part, ...]
    """From phoneme ids to latents, in one or two parts."""
    decoder: Part
    window: Window


def cut(model: Model, nodes: Sequence[Node]) -> Cut:
    """Cut a network where it can be.

    Raises:
        ValueError: it is not of the shape that Piper's voices have; the message says why.
        ModelError: it would compute for far longer than any voice.
    """
    sizes = {name: node.size for node in nodes if node.size for name in node.outputs}
    sizes |= model.sizes
    if sum(sizes.get(name, 0) for node in nodes for name in node.inputs) > _MAX_WEIGHTS:
        raise ModelError(f"its nodes use more than {_MAX_WEIGHTS / 1e6:.0f} million weights")
    for node in nodes:
        if "Conv" in node.operator:
            _check_convolution(node, sizes)
    text = {*model.inputs} - {"sid"}
    output = model.outputs[0]
    latents = _find_latents(nodes)
    decoder = _needed_for([output], nodes, given={latents})
    if not _is_free_of(decoder, text):
        raise ValueError("its decoder uses the text, too")
    before, after, samples = _reach(decoder, latents, output)
    _check_operations(decoder, latents, sizes)
    front = _needed_for([latents], nodes, given=set())
    between = _find_pause(front, latents, text)
    parts = [Part(front, (), (latents,))] if between is None else [
        Part(_needed_for(between, front, given=set()), (), between),
        Part(_needed_for([latents], front, given={*between}), between, (latents,)),
    ]  # fmt: skip
    return Cut(
        front=tuple(parts),
        decoder=Part(decoder, (latents,), (output,)),
        window=Window(latents, samples, before, after),
    )


def _find_latents(nodes: Sequence[Node]) -> str:
    """Find the input of the convolution before the first upsampling."""
    made_by = {name: node for node in nodes for name in node.outputs}
    node = next((node for node in nodes if node.operator == "ConvTranspose"), None)
    while node is not None and node.operator in ("ConvTranspose", "LeakyRelu", "Add"):
        makers = [made_by[name] for name in node.inputs if name in made_by]
        # A voice of several speakers adds the speaker, through a convolution of one tap.
        wide = [maker for maker in makers if maker.attributes.get("kernel_shape", ()) > (1,)]
        node = wide[0] if wide else makers[0] if len(makers) == 1 else None
    if node is None or node.operator != "Conv" or not node.inputs:
        raise ValueError("it has no decoder of convolutions")
    return node.inputs[0]


def _needed_for(names: Iterable[str], nodes: Sequence[Node], given: set[str]) -> list[Node]:
    """Find the nodes that compute some tensors, in order; `given` tensors need none."""
    wanted = {*names}
    needed = []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.outputs):
            needed.append(node)
            wanted.update(set(node.inputs) - given)
    return needed[::-1]


def _is_free_of(nodes: Sequence[Node], names: set[str]) -> bool:
    """Return whether nodes use none of these tensors, and draw nothing at random."""
    return not any(
        node.operator.startswith("Random") or not names.isdisjoint(node.inputs) for node in nodes
    )


def _reach(nodes: Sequence[Node], latents: str, output: str) -> tuple[int, int, int]:
    """Compute the receptive field in frames, backwards and forwards, and the samples of a frame."""
    reach: dict[str, tuple[float, float, int]] = {latents: (0.0, 0.0, 1)}
    for node in nodes:
        known = [reach[name] for name in node.inputs if name in reach]
        if not known:
            continue
        before, after = (max(row[side] for row in known) for side in (0, 1))
        rate = max(row[2] for row in known)
        if node.operator in ("Conv", "ConvTranspose"):
            size = _attribute(node, "kernel_shape", 1, _MAX_KERNEL, is_needed=True)
            stride = _attribute(node, "strides", 1, _MAX_STRIDE)
            taps = (size - 1) * _attribute(node, "dilations", 1, _MAX_DILATION)
            pad = _attribute(node, "pads", 0, taps, is_needed="auto_pad" in node.attributes)
            if node.operator == "Conv" and stride == 1:
                before, after = before + pad / rate, after + (taps - pad) / rate
            elif node.operator == "ConvTranspose":
                before, after = before + (taps - pad) / stride / rate, after + pad / stride / rate
                rate *= stride
            else:
                raise ValueError("its decoder has a convolution with strides")
        elif node.operator not in _POINTWISE:
            raise ValueError(f"its decoder has the operator {node.operator}")
        if rate > _MAX_FRAME_SAMPLES:
            raise ValueError(f"its decoder makes {rate} samples of a frame")
        if before + after > _MAX_MARGIN_FRAMES:
            raise ValueError(f"its decoder needs {before + after:.0f} frames for each sample")
        for name in node.outputs:
            reach[name] = (before, after, rate)
    if output not in reach:
        raise ValueError("its decoder does not depend on the latents")
    before, after, rate = reach[output]
    return math.ceil(before), math.ceil(after), rate


def _check_convolution(node: Node, sizes: Mapping[str, int]) -> None:
    """Raise ModelError if a convolution, as a single one can, would compute for hours."""
    inputs = node.inputs[3:] if node.operator == "QLinearConv" else node.inputs[1:]
    weights = sizes.get(inputs[0]) if inputs else None
    if weights is None:
        raise ModelError(f"a {node.operator} has no weights")
    if weights > _MAX_CONVOLUTION_WEIGHTS:
        raise ModelError(f"a {node.operator} has {weights:,} weights")
    kernel = node.attributes.get("kernel_shape", ())
    if not (kernel and min(kernel) > 0 and math.prod(kernel) <= _MAX_KERNEL):
        raise ModelError(f"a {node.operator} has the kernel {kernel[:4]}")


def _check_operations(nodes: Sequence[Node], latents: str, sizes: Mapping[str, int]) -> None:
    """Raise ModelError if the convolutions of a decoder multiply too often for a frame."""
    rates = {latents: 1}
    operations = 0
    for node in nodes:
        rate = max((rates[name] for name in node.inputs if name in rates), default=1)
        if node.operator in ("Conv", "ConvTranspose"):
            operations += sizes[node.inputs[1]] * rate
            rate *= _attribute(node, "strides", 1, _MAX_STRIDE)
        rates |= dict.fromkeys(node.outputs, rate)
    if operations > _MAX_OPERATIONS:
        raise ModelError(
            f"its decoder needs {operations / 1e6:.0f} million multiplications for each frame; "
            f"at most {_MAX_OPERATIONS / 1e6:.0f} million"
        )


def _attribute(node: Node, name: str, default: int, most: int, is_needed: bool = False) -> int:
    """Read the first number of an attribute of a 1-D convolution, from `default` to `most`."""
    values = node.attributes.get(name, ())
    value = values[0] if values else default
    is_1d = len(values) <= (2 if name == "pads" else 1)
    if not (is_1d and default <= value <= most and (values or not is_needed)):
        raise ValueError(f"{name} of a {node.operator} is {values[:4]}")
    return value


def _find_pause(front: Sequence[Node], latents: str, text: set[str]) -> tuple[str, ...] | None:
    """Find the tensors between text encoder and flow: the frames with their noise, and a mask.

    None where the network has no such place, or the tensors may not be floats.
    """
    users: dict[str, list[Node]] = {}
    for user in front:
        for name in user.inputs:
            users.setdefault(name, []).append(user)
    node = next((one for one in reversed(front) if one.operator == "RandomNormalLike"), None)
    while node is not None and node.operator != "Add":  # noise, times deviation, plus mean
        following = users.get(next(iter(node.outputs), ""), [])
        node = following[0] if len(following) == 1 else None
    if node is None:
        return None
    frames = node.outputs[0]
    before = _needed_for([frames], front, given=set())
    done = {one.position for one in before}
    flow = [one for one in front if one.position not in done]
    of_text = _depending_on(text, before)
    crossing = {name for one in flow for name in one.inputs if name in of_text}
    makers = [one for one in before if not crossing.isdisjoint(one.outputs)]
    if not all(one.operator == "Add" or one.attributes.get("to") in _FLOATS for one in makers):
        return None
    is_free = _is_free_of(_needed_for([latents], front, given=crossing), text)
    return tuple(sorted(crossing)) if is_free and frames in crossing else None


def _depending_on(names: set[str], nodes: Sequence[Node]) -> set[str]:
    """Find the tensors that are computed from some others, or drawn at random."""
    known = set(names)
    for node in nodes:
        if node.operator.startswith("Random") or not known.isdisjoint(node.inputs):
            known.update(node.outputs)
    return known - names
