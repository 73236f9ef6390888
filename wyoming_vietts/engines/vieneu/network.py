"""The four networks of a VieNeu-TTS v3 Nano model, in ONNX Runtime.

    phoneme ids -> context (text encoder) -> seconds (duration predictor)
    noise -> latents (velocity estimator, many times) -> waveform (decoder)

Latents are [1, 144, T], in blocks of 64 ms.
"""

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ModelError, SynthesisError, printable
from ...steps import Steps
from ..memory import give_back_freed_memory
from ..on_demand import OnDemand
from ..onnx.files import open_model
from ..onnx.sessions import Session
from .config import (
    BLOCK_CHANNELS,
    BLOCK_SAMPLES,
    SAMPLE_RATE,
    Floats,
    SpeakerFeatures,
    VieNeuConfig,
    load_config,
)
from .flow import Schedule, draw_noise, solve
from .phonemes import FIRST_PIECE_CHARACTERS, MAX_PIECE_CHARACTERS

_LOGGER = logging.getLogger(__name__)

MAX_BYTES = 512_000_000
"""Of a file."""
MAX_SECONDS = 15.0
"""Of a piece: in training none was longer."""
MIN_BLOCKS = 2
WINDOW_BLOCKS = 12
"""Blocks that are decoded at once, without margins."""

FULL = Schedule(16)
FAST = Schedule(8, sway=-1.0)
LIVE = 0.7
"""Real-time factor of `FULL` up to which a machine takes it."""
STEP_SECONDS = 0.4
CHARACTERS_A_BLOCK = 1.0  # about 15 characters are spoken in a second

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


def check_graph(path: Path, inputs: Sequence[str] | None) -> Steps[None]:
    """Check that a file is a complete network with these inputs, and without loops.

    Args:
        inputs: names; None for one of any name.

    Raises:
        ModelError: it is not; the message says what it is.
        OSError: it cannot be read.
    """
    with open_model(path, MAX_BYTES) as model:
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
            yield from model.nodes()
        except ValueError as error:
            raise ModelError(f"{path}: {error}") from error


@dataclass(frozen=True)
class _Loaded:
    """Everything that takes memory."""

    text_encoder: Session
    duration: Session
    estimator: Session
    decoder: Session
    nobody: Inputs
    """Inputs of the estimator for the unconditional velocity."""
    margin: int | None
    """Blocks on each side of a window of the decoder; None if it only runs whole."""
    schedule: Schedule
    max_characters: int
    """Of a piece, so that a call of the estimator takes at most `STEP_SECONDS`."""


class VieNeuNetwork(OnDemand[_Loaded]):
    """Computes waveform from phoneme ids, for any voice; loaded by the first that speaks."""

    def __init__(
        self,
        folder: Path,
        threads: int,
        schedule: Schedule | None,
        unload_after_minutes: float | None = None,
        adapts: bool = False,
        has_own_loudness: bool = False,
    ) -> None:
        """Read the configuration.

        Args:
            schedule: None for one that this machine keeps up with.
            adapts: compute shorter pieces at once on a slow machine.
            has_own_loudness: voices are as loud as they were trained to be, not all alike.
            unload_after_minutes: see `OnDemand`.

        Raises:
            ModelError: it cannot be used; the message says why.
        """
        super().__init__(unload_after_minutes)
        self.config: VieNeuConfig = load_config(folder)
        self.folder = folder
        self._threads = threads
        self._schedule = schedule
        self._adapts = adapts
        self.has_own_loudness = has_own_loudness
        self.gains: dict[bytes, float] = {}
        """By the speaker embedding of a voice."""
        self._has_spoken = False
        self._problem: tuple[str, object] | None = None
        self._unknown: set[str] = set()

    @property
    def problem(self) -> str | None:
        """Why it cannot speak until a file changes; None if it can."""
        if self._problem is not None and self._problem[1] != self._stamps():
            self._problem = None
        return self._problem and self._problem[0]

    def check(self) -> Steps[None]:
        """Check the files.

        Raises:
            ModelError, OSError: see `check_graph`.
        """
        for name, inputs in GRAPHS.items():
            yield from check_graph(self.folder / name, inputs)

    # --- loading ---------------------------------------------------------------------------------

    def unload_unused(self) -> None:
        """Unload the networks after enough time without speech."""
        if self.is_unused:
            self.unload()
            give_back_freed_memory()
            minutes = self._unload_after_seconds / 60
            _LOGGER.info("Unloaded VieNeu after %g minutes without speech", minutes)

    def load(self) -> Steps[_Loaded]:
        """Load the networks; see `OnDemand`.

        Raises:
            SynthesisError: they cannot be loaded.
        """
        if self.problem is not None:
            raise SynthesisError(self.problem)
        return (yield from super().load())

    def _load(self) -> Steps[_Loaded]:
        started = time.perf_counter()
        sessions = []
        try:
            for name, inputs in GRAPHS.items():
                yield from check_graph(self.folder / name, inputs)
                sessions.append(Session(self.folder / name, self._threads))
                yield
        except (OSError, MemoryError) as error:
            raise SynthesisError(f"{self.folder} cannot be loaded now: {error!s:.300}") from error
        except (ModelError, ValueError) as error:
            raise self._give_up(f"{self.folder} cannot be loaded: {error!s:.300}") from error
        with self._judging():
            text_encoder, duration, estimator, decoder = sessions
            nobody = _estimator_inputs(
                text_encoder, [self.config.bos_id, self.config.eos_id], self.config.nobody
            )
            yield
            margin = yield from _find_margin(decoder)
            yield
            block_seconds = yield from _measure(estimator, nobody)
        factor = 2 * FULL.steps * block_seconds * SAMPLE_RATE / BLOCK_SAMPLES
        schedule = self._schedule or (FULL if factor <= LIVE else FAST)
        give_back_freed_memory()  # as much as 70 MB of what loading takes for a while
        _LOGGER.info(
            "Loaded VieNeu in %.1f s: %d steps; %d would take %.2f times the length of the audio%s",
            *(time.perf_counter() - started, schedule.steps, FULL.steps, factor),
            "" if margin is not None else "; its decoder runs whole, in longer steps",
        )
        most = MAX_PIECE_CHARACTERS
        if self._adapts:
            fitting = int(STEP_SECONDS / block_seconds * CHARACTERS_A_BLOCK)
            most = max(FIRST_PIECE_CHARACTERS, min(fitting, most))
        return _Loaded(text_encoder, duration, estimator, decoder, nobody, margin, schedule, most)

    # --- speech ----------------------------------------------------------------------------------

    @property
    def max_characters(self) -> int:
        """The longest piece; known after `load`."""
        assert self._loaded is not None, "load first"
        return self._loaded.max_characters

    def phoneme_ids(self, phonemes: str) -> list[int]:
        """Convert phonemes to ids; log those that the model lacks, each once."""
        ids = self.config.ids
        if new := {*phonemes} - ids.keys() - self._unknown:
            self._unknown |= new
            _LOGGER.warning("VieNeu lacks the phonemes %s", " ".join(sorted(new)))
        known = [ids[each] for each in phonemes if each in ids]
        return [self.config.bos_id, *known, self.config.eos_id]

    def speak(
        self, ids: Sequence[int], voice: SpeakerFeatures, speed: float, seed: int | None
    ) -> Steps[Floats]:
        """Compute the waveform [N] of a piece, with a pause after each call of a network.

        Raises:
            SynthesisError: a network fails.
        """
        assert self._loaded is not None, "load first"
        loaded = self._loaded
        with self._judging():
            inputs = _estimator_inputs(loaded.text_encoder, ids, voice)
            yield
            seconds = min(_seconds(loaded.duration, inputs) / speed, MAX_SECONDS)
            blocks = max(MIN_BLOCKS, round(seconds * self.config.blocks_per_second))
            latents = yield from solve(
                draw_noise(blocks, seed),
                loaded.schedule,
                lambda latents, now: _velocity(loaded.estimator, latents, now, inputs),
                lambda latents, now: _velocity(loaded.estimator, latents, now, loaded.nobody),
            )
            waveform = yield from _decode(loaded.decoder, latents, loaded.margin)
        self._has_spoken = True
        return np.nan_to_num(waveform, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)

    # --- errors ----------------------------------------------------------------------------------

    @contextmanager
    def _judging(self) -> Iterator[None]:
        """Blame the networks for any error but a lack of memory: a graph can compute anything."""
        try:
            yield
        except MemoryError as error:
            raise SynthesisError(f"{self.folder} needs more memory than there is") from error
        except Exception as error:
            message = printable(f"The networks in {self.folder} fail: {error!s:.300}")
            raise (
                SynthesisError(message) if self._has_spoken else self._give_up(message)
            ) from error

    def _give_up(self, problem: str) -> SynthesisError:
        problem = printable(problem)
        self._problem = (problem, self._stamps())
        self.unload()
        _LOGGER.warning("VieNeu's voices cannot speak until a file changes: %s", problem)
        return SynthesisError(problem)

    def _stamps(self) -> object:
        stamps = []
        for name in GRAPHS:
            try:
                status = (self.folder / name).stat()
            except OSError:
                stamps.append((0, 0))
            else:
                stamps.append((status.st_mtime_ns, status.st_size))
        return stamps


def _output(session: Session, inputs: Inputs) -> npt.NDArray[Any]:
    return session.run(inputs)[session.outputs[0]]


def _estimator_inputs(
    text_encoder: Session, ids: Sequence[int], voice: SpeakerFeatures
) -> dict[str, npt.NDArray[Any]]:
    """Encode a text for the duration predictor and the estimator."""
    style = voice.style[None]
    context = _output(text_encoder, {"ids": np.array([ids], np.int64), "style": style})
    if context.ndim != 3 or context.shape[:2] != (1, len(ids)):
        raise ValueError(f"the context has the shape {[*context.shape]}")
    mask = np.ones((1, len(ids)), np.bool_)
    return {"ctx": context, "ctx_mask": mask, "spk": voice.speaker[None], "style": style}


def _seconds(duration: Session, inputs: Inputs) -> float:
    logarithm = float(_output(duration, inputs).reshape(-1)[0])
    if not math.isfinite(logarithm):
        raise ValueError(f"the duration is {logarithm}")
    return math.exp(min(logarithm, 10.0))


def _velocity(estimator: Session, latents: Floats, now: Floats, inputs: Inputs) -> Floats:
    velocity = _output(estimator, {"x": latents, "t": now, **inputs})
    if velocity.shape != latents.shape:
        raise ValueError(f"the velocity has the shape {[*velocity.shape]}")
    return velocity


def _decode(decoder: Session, latents: Floats, margin: int | None) -> Steps[Floats]:
    """Decode [1, C, T] to [N] in windows, as a run over all would."""
    blocks = latents.shape[2]
    size = blocks if margin is None else math.ceil(blocks / math.ceil(blocks / WINDOW_BLOCKS))
    pieces = []
    for start in range(0, blocks, size):
        pieces.append(_decode_window(decoder, latents, start, start + size, margin or 0))
        yield
    return np.concatenate(pieces)


def _decode_window(decoder: Session, latents: Floats, start: int, end: int, margin: int) -> Floats:
    first = max(0, start - margin)
    window = latents[:, :, first : end + margin]
    samples: Floats = _output(decoder, {"x": window}).reshape(-1)
    if len(samples) != window.shape[2] * BLOCK_SAMPLES:
        raise ValueError(f"the decoder makes {len(samples)} samples of {window.shape[2]} blocks")
    return samples[(start - first) * BLOCK_SAMPLES : (end - first) * BLOCK_SAMPLES]


def _find_margin(decoder: Session) -> Steps[int | None]:
    """Find out how far the decoder looks, by decoding a window with less and less around it."""
    latents = draw_noise(_PROBE_BLOCKS, seed=0)
    whole = _decode_window(decoder, latents, 0, _PROBE_BLOCKS, 0)
    expected = whole[_PROBE_START * BLOCK_SAMPLES : _PROBE_END * BLOCK_SAMPLES]
    tolerance = _SAME * max(1.0, float(np.abs(expected).max()))
    for margin in _MARGINS:
        yield
        window = _decode_window(decoder, latents, _PROBE_START, _PROBE_END, margin)
        if np.abs(window - expected).max() <= tolerance:
            return margin
    return None


def _measure(estimator: Session, inputs: Inputs) -> Steps[float]:
    """Measure how long the estimator takes for a block, in seconds, by the second of two calls."""
    latents = np.zeros((1, BLOCK_CHANNELS, _MEASURED_BLOCKS), np.float32)
    seconds = 0.0
    for _ in range(2):
        yield
        started = time.perf_counter()
        _velocity(estimator, latents, np.zeros(1, np.float32), inputs)
        seconds = time.perf_counter() - started
    return max(seconds, 1e-6) / _MEASURED_BLOCKS
