"""Piper voices: sentences in, PCM out while the rest of them is being computed."""

import importlib.util
import logging
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import SetupError
from ...program import how_to_install
from ..contract import Voice, clamp_speed
from ..cores import granted_cores
from ..voice_folder import VoiceFolder
from ..voice_settings import VoiceSettings
from .config import PiperConfig, load_config
from .network import PiperNetwork
from .phonemes import phoneme_ids, phonemes, pieces

_LOGGER = logging.getLogger(__name__)

FIRST_WINDOW_FRAMES = 24
MIN_WINDOW_FRAMES, MAX_WINDOW_FRAMES = 8, 256
STEP_SECONDS = 0.04  # that a window should take

_Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PiperVoice(Voice):
    """A speaker of a Piper voice's file."""

    network: PiperNetwork = field(repr=False, compare=False)
    config: PiperConfig = field(repr=False)
    speaker: int | None
    """None in a file of one speaker."""
    settings: VoiceSettings
    """What the user wrote beside the file."""

    def speak(self, text: str, speed: float = 1.0) -> Generator[bytes, None, None]:
        """Speak a sentence; see `Voice`."""
        yield from self.network.load()
        length_scale = self.config.length_scale / clamp_speed(speed * self.settings.speed)
        window = FIRST_WINDOW_FRAMES
        is_cut = self.network.is_cut
        for clauses in pieces(text):
            ids, unknown = phoneme_ids(phonemes(clauses, self.config), self.config)
            self.network.warn_of_unknown(unknown)
            latents = self.network.latents(ids, length_scale, self.speaker)
            yield b""
            start, frames = 0, latents.shape[2]
            while start < frames:
                end = min(start + window, frames) if is_cut else frames
                started = time.perf_counter()
                samples = self.network.decode(latents, start, end, self.speaker)
                seconds = time.perf_counter() - started
                yield self._pcm(samples)
                window = _next_window(end - start, seconds)
                start = end

    def _pcm(self, samples: _Samples) -> bytes:
        """[N] in -1 ... 1 to int16."""
        scaled = np.rint(samples * (32767 * self.settings.volume))
        pcm: bytes = np.clip(scaled, -32768, 32767).astype("<i2").tobytes()
        return pcm


def _next_window(frames: int, seconds: float) -> int:
    """How many frames fit into a step, as the last ones took so long; at most twice as many."""
    fitting = int(min(2 * frames, frames * STEP_SECONDS / max(seconds, 1e-4)))
    return max(MIN_WINDOW_FRAMES, min(fitting, MAX_WINDOW_FRAMES))


class PiperEngine:
    """Piper, with every voice file of a folder."""

    def __init__(self, voices_dir: Path, threads: int | None, seed: int | None) -> None:
        """Watch a folder for NAME.onnx and NAME.onnx.json.

        Args:
            threads: of ONNX Runtime; None for the available cores.
            seed: the same audio for the same text every time, without any noise.
        """
        self._threads = threads or granted_cores()
        self._is_repeatable = seed is not None
        self._folder = VoiceFolder(voices_dir, _find, self._make_voices, companions=(".json",))

    @property
    def voices(self) -> Mapping[str, PiperVoice]:
        """What the folder holds now."""
        return self._folder.voices

    def idle_work(self) -> Iterator[None]:
        """There is none."""
        return iter(())

    def _make_voices(self, name: str, file: Path, settings: VoiceSettings) -> list[PiperVoice]:
        """A voice for each speaker of a file."""
        if importlib.util.find_spec("onnxruntime") is None:
            raise SetupError(f"it needs the package onnxruntime: {how_to_install('piper')}")
        config = load_config(file.with_name(f"{file.name}.json"))
        if tones := config.missing_tones:
            _LOGGER.warning(
                "Voice '%s' was trained without %d of the six tones: they will be wrong",
                *(name, len(tones)),
            )
        network = PiperNetwork(file, config, self._threads, self._is_repeatable)
        speakers: Mapping[str, int | None] = config.speakers or {"": None}
        return [
            PiperVoice(
                name=f"{name}-{speaker}" if speaker else name,
                description=" ".join(filter(None, (settings.description or name, speaker))),
                languages=(settings.language,),
                author="Piper",
                author_url="https://github.com/OHF-Voice/piper1-gpl",
                version="1",
                sample_rate=config.sample_rate,
                network=network,
                config=config,
                speaker=number,
                settings=settings,
            )
            for speaker, number in speakers.items()
        ]


def _find(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and files of the voices in a folder."""
    for path in folder.glob("*.onnx"):
        if path.is_file():
            yield path.stem, path
