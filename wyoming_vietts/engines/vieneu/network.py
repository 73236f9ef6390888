"""The four networks of a VieNeu-TTS v3 Nano model, in ONNX Runtime.

    phoneme ids -> context (text encoder) -> seconds (duration predictor)
    noise -> latents (velocity estimator, many times) -> waveform (decoder)

Latents are [1, 144, T], in blocks of 64 ms.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import ModelError
from ...steps import Steps
from ..contract import EngineSettings
from ..memory import give_back_freed_memory, mapped_blocks
from ..onnx.network import Network
from ..onnx.sessions import CPU, Session, import_runtime
from . import graphs
from .config import (
    BLOCK_SAMPLES,
    SAMPLE_RATE,
    Floats,
    SpeakerFeatures,
    VieNeuConfig,
    load_config,
)
from .flow import Schedule, draw_noise, solve
from .graphs import GRAPHS
from .phonemes import FIRST_PIECE_CHARACTERS, MAX_PIECE_CHARACTERS

_LOGGER = logging.getLogger(__name__)

MAX_SECONDS = 15.0
"""Of a piece: in training none was longer."""
MIN_BLOCKS = 2

FULL = Schedule(16)
FAST = Schedule(8, sway=-1.0)
LIVE = 0.7
"""Real-time factor of `FULL` up to which a machine takes it."""
STEP_SECONDS = 0.4
CHARACTERS_A_BLOCK = 1.0  # about 15 characters are spoken in a second


def chosen_schedule(settings: EngineSettings) -> Schedule | None:
    """Return the schedule of a quality; None for one that the machine keeps up with."""
    if settings.quality == "fast":
        return FAST
    # A measured number of steps may change, and a seed promises the same audio.
    return FULL if settings.quality == "exact" or settings.seed is not None else None


@dataclass(frozen=True)
class _Loaded:
    """Everything that takes memory."""

    text_encoder: Session
    duration: Session
    estimator: Session
    decoder: Session
    nobody: graphs.Inputs
    """Inputs of the estimator for the unconditional velocity."""
    margin: int | None
    """Blocks on each side of a window of the decoder; None if it only runs whole."""
    schedule: Schedule
    max_characters: int
    """Of a piece, so that a call of the estimator takes at most `STEP_SECONDS`."""


class VieNeuNetwork(Network[_Loaded]):
    """Computes waveform from phoneme ids, for any voice; loaded by the first that speaks."""

    def __init__(self, folder: Path, settings: EngineSettings, schedule: Schedule | None) -> None:
        """Read the configuration.

        Args:
            schedule: None for one that this machine keeps up with.

        Raises:
            ModelError: it cannot be used; the message says why.
        """
        super().__init__(folder, [folder / name for name in GRAPHS], settings.unload_after)
        self.config: VieNeuConfig = load_config(folder)
        self.folder = folder
        self._settings = settings
        self._schedule = schedule
        self.has_own_loudness = settings.own_loudness
        self.gains: dict[bytes, float] = {}
        """By the speaker embedding of a voice."""
        self._unknown: set[str] = set()

    @property
    def device(self) -> str:
        """Where it computes."""
        return self._loaded.estimator.device if self._loaded else CPU

    def check(self) -> Steps[None]:
        """Check the files.

        Raises:
            ModelError, OSError: see `check_graph`.
        """
        for name, inputs in GRAPHS.items():
            yield from graphs.check_graph(self.folder / name, inputs)

    # --- loading ---------------------------------------------------------------------------------

    def unload_unused(self) -> None:
        """Unload the networks after enough time without speech."""
        if self.is_unused:
            self.unload()
            give_back_freed_memory()
            minutes = self._unload_after_seconds / 60
            _LOGGER.info("Unloaded VieNeu after %g minutes without speech", minutes)

    def _load(self) -> Steps[_Loaded]:
        started = time.perf_counter()
        sessions = []
        import_runtime()
        yield
        try:
            for name, inputs in GRAPHS.items():
                folds = yield from graphs.check_graph(self.folder / name, inputs)
                with mapped_blocks():  # the weights as they were before they are packed
                    session = Session(
                        self.folder / name,
                        self._settings.computing_threads,
                        device=self._settings.device,
                        folds_constants=folds,
                    )
                sessions.append(session)
                yield
        except (OSError, MemoryError, ModelError, ValueError) as error:
            raise self._cannot_load(error) from error
        with self._judging():
            text_encoder, duration, estimator, decoder = sessions
            nobody = yield from graphs.estimator_inputs(
                text_encoder, [self.config.bos_id, self.config.eos_id], self.config.nobody
            )
            yield
            margin = yield from graphs.find_margin(decoder)
            yield
            block_seconds = yield from graphs.measure(estimator, nobody)
        factor = 2 * FULL.steps * block_seconds * SAMPLE_RATE / BLOCK_SAMPLES
        schedule = self._schedule or (FULL if factor <= LIVE else FAST)
        _LOGGER.info(
            "Loaded VieNeu in %.1f s: %d steps; %d would take %.2f times the length of the audio%s",
            *(time.perf_counter() - started, schedule.steps, FULL.steps, factor),
            "" if margin is not None else "; its decoder runs whole, in longer steps",
        )
        most = MAX_PIECE_CHARACTERS
        if self._settings.seed is None:  # a seed promises the same audio on every machine
            fitting = int(STEP_SECONDS / block_seconds * CHARACTERS_A_BLOCK)
            most = max(FIRST_PIECE_CHARACTERS, min(fitting, most))
        return _Loaded(text_encoder, duration, estimator, decoder, nobody, margin, schedule, most)

    # --- speech ----------------------------------------------------------------------------------

    @property
    def max_characters(self) -> int:
        """The longest piece; known after `load`."""
        return self._ready.max_characters

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
        loaded = self._ready
        with self._judging():
            inputs = yield from graphs.estimator_inputs(loaded.text_encoder, ids, voice)
            yield
            seconds = yield from graphs.predict_seconds(loaded.duration, inputs)
            seconds = min(seconds / speed, MAX_SECONDS)
            blocks = max(MIN_BLOCKS, round(seconds * self.config.blocks_per_second))
            latents = yield from solve(
                draw_noise(blocks, seed),
                loaded.schedule,
                lambda latents, now: graphs.predict_velocity(
                    loaded.estimator, latents, now, inputs
                ),
                lambda latents, now: graphs.predict_velocity(
                    loaded.estimator, latents, now, loaded.nobody
                ),
            )
            waveform = yield from graphs.decode(loaded.decoder, latents, loaded.margin)
        self._has_spoken = True
        return np.nan_to_num(waveform, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)
