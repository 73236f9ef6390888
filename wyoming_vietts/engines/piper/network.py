"""A Piper voice's network in ONNX Runtime, loaded at its first use."""

import logging
import time
from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...errors import SynthesisError
from ...files import read_bytes
from ...steps import Shared, Steps
from .config import PiperConfig
from .graph import Parts, cut

if TYPE_CHECKING:
    import onnxruntime

_LOGGER = logging.getLogger(__name__)

MAX_BYTES = 512_000_000

_Floats = npt.NDArray[np.float32]


class PiperNetwork:
    """Phoneme ids to latents, and windows of latents to waveform.

    A network that cannot be cut gives the waveform at once: its latents are the waveform,
    a frame a sample.
    """

    def __init__(self, path: Path, config: PiperConfig, threads: int, is_repeatable: bool) -> None:
        """Take a file, which is read when it is needed.

        Args:
            is_repeatable: leave out the noise that makes each utterance different.
        """
        self._path = path
        self._config = config
        self._threads = threads
        self._noise = (0.0, 0.0) if is_repeatable else (config.noise_scale, config.noise_w)
        self._parts: Parts | None = None
        self._front: list[onnxruntime.InferenceSession] = []
        self._decoder: onnxruntime.InferenceSession | None = None
        self._loading: Shared[None] | None = None
        self._unknown: set[str] = set()

    @property
    def is_cut(self) -> bool:
        """It could be cut; known once it has been loaded."""
        return self._parts is not None

    @property
    def margin_frames(self) -> int:
        """What is decoded beside the frames of a window."""
        return self._parts.frames_before + self._parts.frames_after if self._parts else 0

    def load(self) -> Steps[None]:
        """Load the network unless it has been, with pauses; several may wait for it.

        Raises:
            SynthesisError: it cannot be loaded.
        """
        if self._front:
            return
        if self._loading is None or self._loading.is_done:
            self._loading = Shared(self._load())
        yield from self._loading.wait()

    def _load(self) -> Steps[None]:
        started = time.perf_counter()
        try:
            model = read_bytes(self._path, MAX_BYTES)
            yield
            parts = cut(model)
            yield
            front = []
            for part in parts.front if parts else (model,):
                front.append(self._open(part))
                yield
            decoder = self._open(parts.decoder) if parts else None
        except (OSError, ValueError) as error:
            raise SynthesisError(f"{self._path} cannot be loaded: {error!s:.200}") from error
        self._front, self._decoder = front, decoder
        # The models themselves are in the sessions now.
        self._parts = replace(parts, front=(), decoder=b"") if parts else None
        seconds = time.perf_counter() - started
        _LOGGER.info(
            "Loaded %s in %.1f s%s",
            *(self._path.name, seconds, "" if parts else "; it cannot be cut, so it runs whole"),
        )

    def _open(self, model: bytes) -> "onnxruntime.InferenceSession":
        """Make a session.

        Raises:
            ValueError: ONNX Runtime refuses the model.
        """
        import onnxruntime  # only voices of this kind need it

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        # A thread that spins while it waits takes the core from whoever else needs it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False  # it keeps what the longest sentence took
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no base of their own
            raise ValueError(str(error)) from error

    def latents(self, ids: list[int], length_scale: float, speaker: int | None) -> Steps[_Floats]:
        """Phoneme ids to latents [1, C, frames], with a pause before the flow.

        Raises:
            SynthesisError: the network fails.
        """
        noise_scale, noise_w = self._noise
        tensors: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([noise_scale, length_scale, noise_w], np.float32),
            "sid": np.array([speaker or 0], np.int64),
        }
        for session in self._front:
            tensors |= self._run(session, tensors)
            yield
        name = self._parts.latents if self._parts else self._front[-1].get_outputs()[0].name
        latents: _Floats = tensors[name]
        return latents if self._parts else latents.reshape(1, 1, -1)

    def decode(self, latents: _Floats, start: int, end: int, speaker: int | None) -> _Floats:
        """The waveform [N] of the frames from `start` to `end`, as if all were decoded at once.

        Raises:
            SynthesisError: the network fails.
        """
        if self._parts is None or self._decoder is None:
            return latents[0, 0, start:end]
        first = max(0, start - self._parts.frames_before)
        last = min(latents.shape[2], end + self._parts.frames_after)
        inputs: dict[str, Any] = {
            self._parts.latents: latents[:, :, first:last],
            "sid": np.array([speaker or 0], np.int64),
        }
        (samples,) = (output.reshape(-1) for output in self._run(self._decoder, inputs).values())
        hop = self._parts.frame_samples
        return samples[(start - first) * hop : (end - first) * hop]

    def _run(
        self, session: "onnxruntime.InferenceSession", inputs: dict[str, Any]
    ) -> dict[str, _Floats]:
        """Run a network on those of the inputs that it takes: not all have speakers, say."""
        taken = {node.name for node in session.get_inputs()}
        inputs = {name: value for name, value in inputs.items() if name in taken}
        try:
            outputs = session.run(None, inputs)
        except Exception as error:  # its errors have no base of their own
            raise SynthesisError(f"{self._path.name} fails: {error!s:.200}") from error
        return dict(zip((node.name for node in session.get_outputs()), outputs, strict=True))

    def warn_of_unknown(self, phonemes: Set[str]) -> None:
        """Say once which phonemes the voice does not know; they are left out."""
        if new := phonemes - self._unknown:
            self._unknown |= new
            _LOGGER.warning(
                "Voice %s does not know the phonemes %s", self._path.name, " ".join(sorted(new))
            )
