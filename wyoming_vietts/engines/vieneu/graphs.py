"""The four graphs of a VieNeu-TTS v3 Nano model: how they are checked and called.

Latents are [1, 144, T], in blocks of 64 ms.
"""

import math
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ModelError
from ...steps import Steps
from ..memory import mapped_blocks
from ..onnx.files import open_model
from ..onnx.nodes import folds_soon
from ..onnx.sessions import Session
from .config import BLOCK_CHANNELS, BLOCK_SAMPLES, Floats, SpeakerFeatures
from .flow import draw_noise

MAX_SECONDS, MAX_SECONDS_EACH = 2.0, 0.5
"""Processor time of a run, and for each phoneme id or block. The estimator takes 2 ms for a block
on a fast core; a Raspberry Pi is assumed to take fifty times as much."""
WINDOW_BLOCKS = 17
"""Blocks that are decoded at once, without margins: with them, a step takes about as long as one of
the estimator for the longest piece."""

GRAPHS: Mapping[str, tuple[str, ...]] = {
    "text_encoder.onnx": ("ids", "style"),
    "duration_predictor.onnx": ("ctx", "ctx_mask", "spk"),
    "vector_estimator.onnx": ("x", "t", "ctx", "ctx_mask", "spk", "style"),
    "codec_decoder.onnx": ("x",),
}
"""Inputs by file."""

_MARGINS = (2, 4, 8)  # blocks
_PROBE_BLOCKS, _PROBE_START, _PROBE_END = 28, 12, 16
_MEASURED_BLOCKS = 48
_SAME = 3e-5  # a sample of int16

Inputs = Mapping[str, npt.NDArray[Any]]


def check_graph(path: Path, inputs: Sequence[str] | None) -> Steps[bool]:
    """Check that a file is a complete network with these inputs, and without loops.

    Args:
        inputs: names; None for one of any name.

    Returns:
        Whether ONNX Runtime may compute its constants when it is opened, as a hostile one's take
        hours.

    Raises:
        ModelError: it is not; the message says what it is.
        OSError: it cannot be read.
    """
    with open_model(path) as model:
        is_right = len(model.inputs) == 1 if inputs is None else {*model.inputs} == {*inputs}
        if not (is_right and model.outputs):
            wanted = "one" if inputs is None else ", ".join(inputs)
            raise ModelError(
                f"{path} is a network of another kind: its inputs are "
                f"{', '.join(model.inputs):.200}; VieNeu's has {wanted}"
            )
        if model.external_data:  # which ONNX Runtime would map: shortening it kills the process
            raise ModelError(f"{path} has weights in another file, which VieNeu's have not")
        yield
        try:
            return folds_soon((yield from model.nodes()), [*model.inputs])
        except ValueError as error:
            raise ModelError(f"{path}: {error}") from error


def _output(
    session: Session, inputs: Inputs, length: int, keeps_memory: bool = False
) -> Steps[npt.NDArray[Any]]:
    """Run a network on phoneme ids or blocks, `length` of them."""
    max_seconds = MAX_SECONDS + length * MAX_SECONDS_EACH
    with mapped_blocks():
        outputs = yield from session.run(inputs, max_seconds, keeps_memory)
    return outputs[session.outputs[0]]


def estimator_inputs(
    text_encoder: Session, ids: Sequence[int], voice: SpeakerFeatures
) -> Steps[dict[str, npt.NDArray[Any]]]:
    """Encode a text for the duration predictor and the estimator."""
    style = voice.style[None]
    values: Inputs = {"ids": np.array([ids], np.int64), "style": style}
    context = yield from _output(text_encoder, values, len(ids))
    if context.ndim != 3 or context.shape[:2] != (1, len(ids)):
        raise ValueError(f"the context has the shape {[*context.shape]}")
    mask = np.ones((1, len(ids)), np.bool_)
    return {"ctx": context, "ctx_mask": mask, "spk": voice.speaker[None], "style": style}


def predict_seconds(duration: Session, inputs: Inputs) -> Steps[float]:
    output = yield from _output(duration, inputs, inputs["ctx"].shape[1])
    logarithm = float(output.reshape(-1)[0])
    if not math.isfinite(logarithm):
        raise ValueError(f"the duration is {logarithm}")
    return math.exp(min(logarithm, 10.0))


def predict_velocity(
    estimator: Session, latents: Floats, now: Floats, inputs: Inputs
) -> Steps[Floats]:
    inputs = {"x": latents, "t": now, **inputs}
    velocity = yield from _output(estimator, inputs, latents.shape[2], keeps_memory=True)
    if velocity.shape != latents.shape:
        raise ValueError(f"the velocity has the shape {[*velocity.shape]}")
    return velocity


def decode(decoder: Session, latents: Floats, margin: int | None) -> Steps[Floats]:
    """Decode [1, C, T] to [N] in windows, as a run over all would."""
    pieces = []
    for start, end in pairwise(window_ends(latents.shape[2], margin)):
        piece = yield from _decode_window(decoder, latents, start, end, margin or 0)
        pieces.append(piece)
        yield
    return np.concatenate(pieces)


def window_ends(blocks: int, margin: int | None) -> list[int]:
    """Cut blocks into windows that take about as long as each other; return 0 and their ends.

    The first and the last window have a margin on one side only, so they are longer.
    """
    if margin is None:
        return [0, blocks]
    inner = blocks - 2 * margin
    count = max(1, math.ceil(inner / WINDOW_BLOCKS))
    return [0, *(margin + inner * number // count for number in range(1, count)), blocks]


def _decode_window(
    decoder: Session, latents: Floats, start: int, end: int, margin: int
) -> Steps[Floats]:
    first = max(0, start - margin)
    window = latents[:, :, first : end + margin]
    output = yield from _output(decoder, {"x": window}, window.shape[2])
    samples: Floats = output.reshape(-1)
    if len(samples) != window.shape[2] * BLOCK_SAMPLES:
        raise ValueError(f"the decoder makes {len(samples)} samples of {window.shape[2]} blocks")
    return samples[(start - first) * BLOCK_SAMPLES : (end - first) * BLOCK_SAMPLES]


def find_margin(decoder: Session) -> Steps[int | None]:
    """Find out how far the decoder looks, by decoding a window with less and less around it."""
    latents = draw_noise(_PROBE_BLOCKS, seed=0)
    whole = yield from _decode_window(decoder, latents, 0, _PROBE_BLOCKS, 0)
    expected = whole[_PROBE_START * BLOCK_SAMPLES : _PROBE_END * BLOCK_SAMPLES]
    tolerance = _SAME * max(1.0, float(np.abs(expected).max()))
    for margin in _MARGINS:
        yield
        window = yield from _decode_window(decoder, latents, _PROBE_START, _PROBE_END, margin)
        if np.abs(window - expected).max() <= tolerance:
            return margin
    return None


def measure(estimator: Session, inputs: Inputs) -> Steps[float]:
    """Measure how long the estimator takes for a block, in seconds, by the second of two calls."""
    latents = np.zeros((1, BLOCK_CHANNELS, _MEASURED_BLOCKS), np.float32)
    seconds = 0.0
    for _ in range(2):
        yield
        started = time.perf_counter()
        yield from predict_velocity(estimator, latents, np.zeros(1, np.float32), inputs)
        seconds = time.perf_counter() - started
    return max(seconds, 1e-6) / _MEASURED_BLOCKS
