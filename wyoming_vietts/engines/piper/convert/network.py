"""Writes the networks of a sanoTTS voice as the network of a Piper voice.

    phoneme ids -> frames of each (duration) -> latents of frames (acoustic) -> waveform (decoder)

The arithmetic is that of the package `sanotts` 0.5.0. Nothing is drawn at random.
"""

import math

import numpy as np

from ....settings.values import ListOf, WholeNumber
from ...onnx.writer import FLOAT, INT64, GraphWriter
from .package import Component, Floats, Package

_CHANNELS = WholeNumber(1, 1024)
_VOCABULARY = WholeNumber(1, 1000)
_DEPTH = WholeNumber(1, 16)
_KERNEL = WholeNumber(1, 31)
_MAX_TOKENS, _MAX_FRAMES = WholeNumber(1, 10_000), WholeNumber(1, 1000)
_SUBSTITUTE = 59  # a schwa, in place of ids that a voice has not learnt

_UPSAMPLING = ((16, 8), (16, 8), (8, 4))  # kernel and stride of each stage
_BRANCHES = ((3, 1, 2), (5, 2, 6), (7, 3, 12))  # kernel, and dilation of both convolutions
_EDGE_KERNEL = 7
_SLOPE, _LAST_SLOPE = 0.1, 0.01  # of leaky ReLUs


def encode_network(package: Package) -> bytes:
    """Encode the three networks as one ONNX model with the inputs and output of a Piper voice.

    Raises:
        ValueError: a network is of another kind or has other weights.
    """
    writer = _Writer()
    steps = writer.token_steps()
    durations = _duration(writer, package.components["duration"], steps)
    latents, channels = _acoustic(writer, package.components["acoustic"], steps, durations)
    waveform = _decoder(writer, package.components["decoder"], latents, channels)
    writer.node("Unsqueeze", waveform, writer.weight([1]), output="output")
    for component in package.components.values():
        component.finish()
    inputs = {"input": (INT64, 2), "input_lengths": (INT64, 1), "scales": (FLOAT, 1)}
    return writer.encode(inputs, {"output": (FLOAT, 4)})


class _Writer(GraphWriter):
    """The operators that these networks have in common; tensors are [1, channels, time]."""

    def constant(self, value: float) -> str:
        return self.weight(np.float32(value))

    def add(self, x: str, value: float) -> str:
        return self.node("Add", x, self.constant(value))

    def at_least_one(self, x: str) -> str:
        return self.node("Max", x, self.constant(1.0))

    def log1p(self, x: str) -> str:
        return self.node("Log", self.add(x, 1.0))

    def count_from_zero(self, shape: str) -> str:
        """Number the elements of the last dimension of a shape of three."""
        ones = self.add(self.node("ConstantOfShape", shape), 1.0)
        return self.add(self.node("CumSum", ones, self.weight(2)), -1.0)

    def token_steps(self) -> str:
        """Number the phoneme ids: [1, 1, ids]."""
        tokens = self.node("Unsqueeze", "input", self.weight([1]))
        return self.count_from_zero(self.node("Shape", tokens))

    def last(self, steps: str) -> str:
        """Return the last number, or 1 if it is 0: [1, 1, 1]."""
        return self.at_least_one(self.node("ReduceMax", steps, axes=[2]))

    def convolution(self, x: str, weight: Floats, bias: Floats, dilation: int = 1) -> str:
        kernel = weight.shape[2]
        pad = dilation * (kernel // 2)
        inputs = (x, self.weight(weight), self.weight(bias))
        return self.node(
            "Conv", *inputs, kernel_shape=[kernel], dilations=[dilation], pads=[pad, pad]
        )

    def projection(self, x: str, component: Component, name: str, inputs: int, outputs: int) -> str:
        """Mix channels, at each place alone."""
        weight = component.take(f"{name}.weight", outputs, inputs, 1)
        return self.convolution(x, weight, component.take(f"{name}.bias", outputs))

    def embedding(self, component: Component, channels: int) -> str:
        vocabulary = component.value("vocab_size", _VOCABULARY)
        table = self.weight(component.take("embedding.weight", vocabulary, channels))
        is_known = self.node("Less", "input", self.weight(vocabulary))
        other = self.weight(_SUBSTITUTE if vocabulary > _SUBSTITUTE else 0)
        ids = self.node("Where", is_known, "input", other)
        return self.node("Transpose", self.node("Gather", table, ids), perm=[0, 2, 1])

    def residual_blocks(
        self, x: str, component: Component, name: str, depth: int, channels: int
    ) -> str:
        """Add scale * convolution(silu(convolution(x))) to x, block after block."""
        for number in range(depth):
            block = f"{name}.{number}"
            scale = component.take(f"{block}.scale", 1)
            y = self.convolution(x, *_odd_convolution(component, f"{block}.net.0", channels))
            y = self.node("Mul", y, self.node("Sigmoid", y))
            weight, bias = _odd_convolution(component, f"{block}.net.2", channels)
            x = self.node("Add", x, self.convolution(y, scale * weight, scale * bias))
        return x


def _odd_convolution(component: Component, name: str, channels: int) -> tuple[Floats, Floats]:
    weight = component.take(f"{name}.weight", channels, channels, _KERNEL)
    if weight.shape[2] % 2 == 0:
        raise ValueError(f"'{name}.weight' has a kernel of {weight.shape[2]}; it must be odd")
    return weight, component.take(f"{name}.bias", channels)


def _duration(writer: _Writer, component: Component, steps: str) -> str:
    """Compute how many frames each phoneme id lasts, whole numbers: [1, 1, ids]."""
    component.require("architecture", "duration_conv")
    channels = component.value("hidden", _CHANNELS)
    zeros = writer.node("Mul", steps, writer.constant(0.0))
    length = writer.log1p(writer.node("Cast", "input_lengths", to=FLOAT))
    most = writer.constant(math.log1p(component.value("max_tokens", _MAX_TOKENS)))
    x = writer.node(
        "Concat",
        writer.embedding(component, channels),
        writer.node("Div", steps, writer.last(steps)),
        writer.node("Add", zeros, writer.node("Div", length, most)),
        writer.add(zeros, 1.0),
        axis=1,
    )
    x = writer.projection(x, component, "input_proj", channels + 3, channels)
    depth = component.value("depth", _DEPTH)
    x = writer.residual_blocks(x, component, "blocks", depth, channels)
    x = writer.projection(x, component, "output", channels, 1)
    length_scale = writer.node("Gather", "scales", writer.weight([1]))
    frames = writer.node("Mul", writer.at_least_one(writer.node("Exp", x)), length_scale)
    bounds = (1, component.value("max_duration", _MAX_FRAMES))
    return writer.node("Clip", writer.node("Round", frames), *map(writer.constant, bounds))


def _acoustic(writer: _Writer, component: Component, steps: str, durations: str) -> tuple[str, int]:
    """Compute the latents of each frame, [1, channels, frames]; return how many channels, too."""
    component.require("architecture", "token_context")
    channels = component.value("hidden", _CHANNELS)
    longest = writer.log1p(writer.node("ReduceMax", durations, axes=[2]))
    place = writer.node("Div", steps, writer.last(steps))
    tokens = writer.node(
        "Concat",
        writer.embedding(component, channels),
        place,
        writer.node("Div", writer.log1p(durations), longest),
        axis=1,
    )
    tokens = writer.projection(tokens, component, "token_input_proj", channels + 2, channels)
    depth = component.value("token_depth", _DEPTH)
    tokens = writer.residual_blocks(tokens, component, "token_blocks", depth, channels)

    # A frame belongs to the first token that ends after it.
    ends = writer.node("CumSum", durations, writer.weight(2))
    count = writer.node("Cast", writer.node("ReduceMax", ends, axes=[0, 1, 2]), to=INT64)
    frames = writer.count_from_zero(
        writer.node(
            "Concat",
            writer.weight([1, 1]),
            writer.node("Reshape", count, writer.weight([1])),
            axis=0,
        )
    )
    has_ended = writer.node("LessOrEqual", writer.node("Transpose", ends, perm=[0, 2, 1]), frames)
    token = writer.node(
        "ReduceSum", writer.node("Cast", has_ended, to=INT64), writer.weight([0, 1]), keepdims=0
    )

    def of_frames(x: str) -> str:
        return writer.node("Gather", x, token, axis=2)

    since = writer.node("Sub", frames, of_frames(writer.node("Sub", ends, durations)))
    last = writer.at_least_one(writer.add(of_frames(durations), -1.0))
    x = writer.node(
        "Concat",
        of_frames(tokens),
        writer.node("Div", frames, writer.last(frames)),
        of_frames(place),
        writer.node("Div", since, last),
        axis=1,
    )
    x = writer.projection(x, component, "frame_input_proj", channels + 3, channels)
    depth = component.value("depth", _DEPTH)
    x = writer.residual_blocks(x, component, "frame_blocks", depth, channels)
    latents = component.value("out_channels", _CHANNELS)
    return writer.projection(x, component, "output", channels, latents), latents


def _decoder(writer: _Writer, component: Component, latents: str, inputs: int) -> str:
    """Compute the waveform: [1, 1, samples], 256 of each frame."""
    component.require("variant", "piperlite")
    component.require("activation", "leaky_relu", default="leaky_relu")
    component.require("res_layers", 1, default=1)
    for key in ("pre_tanh_repair_channels", "post_filter_channels"):
        component.require(key, 0, default=0)
    channels = component.value("channels", ListOf(_CHANNELS, 4, 4, "numbers"))
    weight = component.take("pre.weight", channels[0], inputs, _EDGE_KERNEL)
    x = writer.convolution(latents, weight, component.take("pre.bias", channels[0]))
    for stage, (kernel, stride) in enumerate(_UPSAMPLING):
        component.require(f"stage{stage}_branches", [0, 1, 2], default=[0, 1, 2])
        inputs, outputs = channels[stage : stage + 2]
        pad = (kernel - stride) // 2
        x = writer.node(
            "ConvTranspose",
            writer.node("LeakyRelu", x, alpha=_SLOPE),
            writer.weight(component.take(f"up{stage}.weight", inputs, outputs, kernel)),
            writer.weight(component.take(f"up{stage}.bias", outputs)),
            kernel_shape=[kernel],
            strides=[stride],
            pads=[pad, pad],
        )
        x = _residual_bank(writer, component, f"res{stage}.0.blocks", x, outputs)
    x = writer.node("LeakyRelu", x, alpha=_LAST_SLOPE)
    weight = component.take("post.weight", 1, channels[3], _EDGE_KERNEL)
    return writer.node("Tanh", writer.convolution(x, weight, component.take("post.bias", 1)))


def _residual_bank(writer: _Writer, component: Component, name: str, x: str, channels: int) -> str:
    """Average three branches, of two dilated convolutions each, which are added to their inputs."""
    total = ""
    for number, (kernel, *dilations) in enumerate(_BRANCHES):
        y = x
        for layer, dilation in enumerate(dilations, start=1):
            prefix = f"{name}.{number}.conv{layer}"
            weight = component.take(f"{prefix}.weight", channels, channels, kernel)
            bias = component.take(f"{prefix}.bias", channels)
            activated = writer.node("LeakyRelu", y, alpha=_SLOPE)
            y = writer.node("Add", y, writer.convolution(activated, weight, bias, dilation))
        total = writer.node("Add", total, y) if total else y
    return writer.node("Mul", total, writer.constant(1 / len(_BRANCHES)))
