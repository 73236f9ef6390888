"""The network of a Piper voice, in ONNX Runtime."""

import logging
import os
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ModelError, UnknownVoiceError, printable
from ...steps import Steps
from ..onnx.files import open_model
from ..onnx.model import Model
from ..onnx.network import Network
from ..onnx.sessions import CPU, Session, import_runtime
from ..onnx.writer import FLOAT, FLOAT16
from .config import Scales
from .graph import Cut, Window, cut

_LOGGER = logging.getLogger(__name__)

MAX_FRONT_SECONDS, MAX_WHOLE_SECONDS = 0.5, 2.0
"""Processor time for a phoneme id, of a network that is cut, up to the latents, and of one that is
not. A medium voice takes 0.002 and 0.006 s on a fast core; a Raspberry Pi is assumed to take fifty
times as much (not measured)."""
MAX_FRAME_SECONDS = 0.2
"""The same for each frame that is decoded; a medium voice takes 0.001 s."""
MAX_SECONDS_AN_ID = 0.5
"""Longest audio of a phoneme id; a damaged network makes more. Speech takes 0.05 s."""

_MAX_OPTIMIZED_NODES = 1000  # the decoder of a large voice has 200

_INPUTS = ("input", "input_lengths", "scales")
_SPEAKER = "sid"  # an input of voices of several speakers

_Floats = npt.NDArray[np.float32]


def check_voice_file(path: Path) -> None:
    """Check that a file is a complete network with the inputs of a Piper voice.

    Raises:
        ModelError: it is not; the message says what it is.
        OSError: it cannot be read.
    """
    with open_model(path) as model:
        if not {*_INPUTS} <= {*model.inputs} <= {*_INPUTS, _SPEAKER}:
            raise ModelError(
                f"{path} is a network of another kind: its inputs are "
                f"{', '.join(model.inputs):.200}; those of a Piper voice are "
                f"{', '.join(_INPUTS)} and, with several speakers, {_SPEAKER}"
            )
        if not model.outputs:
            raise ModelError(f"{path} has no output")


@dataclass(frozen=True)
class _Sessions:
    """A loaded network; without a decoder where it runs whole."""

    front: Sequence[Session]
    decoder: Session | None = None
    window: Window | None = None


class PiperNetwork(Network[_Sessions]):
    """Computes latents from phoneme ids, and waveform from windows of latents.

    A network that cannot be cut computes the waveform at once: it stands for the latents, and a
    frame is a sample.
    """

    def __init__(self, path: Path, sample_rate: int, threads: int, device: str = CPU) -> None:
        """Remember a file; `load` reads it.

        Args:
            device: see `Session`.
        """
        super().__init__(path, [path])
        self._path = path
        self._sample_rate = sample_rate
        self._threads = threads
        self._device = device
        self._unknown: set[str] = set()
        self.gains: dict[int | None, float] = {}
        """By speaker: the factor that makes it as loud as other voices."""

    @property
    def is_cut(self) -> bool:
        """Whether it decodes windows; known after `load`."""
        return self._loaded is not None and self._loaded.window is not None

    @property
    def margin_frames(self) -> int:
        """Frames that are decoded in addition to those of a window."""
        window = self._loaded.window if self._loaded else None
        return window.frames_before + window.frames_after if window else 0

    def _load(self) -> Steps[_Sessions]:
        started = time.perf_counter()
        try:
            import_runtime()
            yield
            with open_model(self._path) as model:
                yield
                sessions, reason = yield from self._open(model)
        except (OSError, MemoryError, ModelError, ValueError) as error:
            if not os.path.exists(self._path):
                raise UnknownVoiceError(f"Voice '{self._path.stem}' is gone") from error
            raise self._cannot_load(error) from error
        seconds = time.perf_counter() - started
        whole = f"; it runs whole, in longer steps, as {reason}" if reason else ""
        _LOGGER.info("Loaded %s in %.1f s%s", self._path.name, seconds, whole)
        return sessions

    def _open(self, model: Model) -> Steps[tuple[_Sessions, str]]:
        """Open the network in parts; where that fails, whole, and return the reason, too."""
        nodes = yield from model.nodes()
        yield
        try:
            parts = cut(model, nodes)
            yield
            try:
                return (yield from self._open_parts(model, parts, FLOAT)), ""
            except ValueError:  # it may be of half precision
                return (yield from self._open_parts(model, parts, FLOAT16)), ""
        except (MemoryError, ModelError):
            raise
        except Exception as error:  # a graph can be anything, and ONNX Runtime judges the whole
            reason = printable(f"{error!s:.200}")
        yield
        return _Sessions([self._session(model.whole(), False)]), reason

    def _open_parts(self, model: Model, parts: Cut, element_type: int) -> Steps[_Sessions]:
        sessions = []
        for part in (*parts.front, parts.decoder):
            encoded = model.extract(part.nodes, part.inputs, part.outputs, element_type)
            yield
            # The front has 90 % of the nodes, and 10 % of the work.
            is_worth_it = part is parts.decoder and len(part.nodes) <= _MAX_OPTIMIZED_NODES
            sessions.append(self._session(encoded, is_worth_it))
            yield
        return _Sessions(sessions[:-1], sessions[-1], parts.window)

    def _session(self, model: bytes, is_optimized: bool) -> Session:
        return Session(
            model,
            self._threads,
            device=self._device,
            is_optimized=is_optimized,
            folds_constants=False,
        )

    def latents(self, ids: Sequence[int], scales: Scales, speaker: int | None) -> Steps[_Floats]:
        """Compute latents [1, C, frames] from phoneme ids, with a pause before the flow.

        Raises:
            SynthesisError: the network fails.
        """
        sessions = self._ready
        tensors: dict[str, npt.NDArray[Any]] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
            _SPEAKER: np.array([speaker or 0], np.int64),
        }
        max_seconds = len(ids) * (MAX_FRONT_SECONDS if sessions.window else MAX_WHOLE_SECONDS)
        with self._judging():
            for session in sessions.front:
                tensors |= yield from session.run(tensors, max_seconds)
                yield
            if window := sessions.window:
                latents, hop = tensors[window.latents], window.frame_samples
            else:
                latents, hop = tensors[sessions.front[0].outputs[0]].reshape(1, 1, -1), 1
            if latents.ndim != 3:
                raise ValueError(f"its latents have {latents.ndim} dimensions, not 3")
            seconds = latents.shape[-1] * hop / self._sample_rate
            if seconds > MAX_SECONDS_AN_ID * len(ids) * max(1.0, scales.length_scale):
                raise ValueError(
                    f"it makes {seconds:.0f} s of audio of {len(ids)} phonemes and blanks"
                )
        return latents

    def decode(self, latents: _Floats, start: int, end: int, speaker: int | None) -> Steps[_Floats]:
        """Decode the frames from `start` to `end` to waveform [N], as a run over all would.

        Raises:
            SynthesisError: the network fails.
        """
        sessions = self._ready
        with self._judging():
            samples = yield from self._decode(sessions, latents, start, end, speaker)
        self._has_spoken = True
        return samples

    def _decode(
        self, sessions: _Sessions, latents: _Floats, start: int, end: int, speaker: int | None
    ) -> Steps[_Floats]:
        window, decoder = sessions.window, sessions.decoder
        if window is None or decoder is None:
            return _finite(latents[0, 0, start:end])
        first = max(0, start - window.frames_before)
        last = min(latents.shape[2], end + window.frames_after)
        inputs: dict[str, npt.NDArray[Any]] = {
            window.latents: latents[:, :, first:last],
            _SPEAKER: np.array([speaker or 0], np.int64),
        }
        outputs = yield from decoder.run(inputs, (last - first) * MAX_FRAME_SECONDS)
        samples: _Floats = outputs[decoder.outputs[0]].reshape(-1)
        hop = window.frame_samples
        if len(samples) != hop * (last - first):
            raise ValueError(
                f"it makes {len(samples)} samples of {last - first} frames, not {hop} each"
            )
        return _finite(samples[(start - first) * hop : (end - first) * hop])

    def warn_of_unknown(self, phonemes: Set[str]) -> None:
        """Log the phonemes that the voice lacks, each once."""
        if new := phonemes - self._unknown:
            self._unknown |= new
            _LOGGER.warning(
                "Voice %s lacks the phonemes %s", self._path.name, " ".join(sorted(new))
            )


def _finite(samples: _Floats) -> _Floats:
    """Replace samples that are not numbers, as a damaged network makes."""
    return np.nan_to_num(samples, posinf=1.0, neginf=-1.0)
