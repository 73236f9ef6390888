"""Piper voices: a sentence is computed in windows, and each is played at once."""

import importlib.util
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...downloads.table import DOWNLOADS
from ...errors import SetupError
from ...program import how_to_install
from ...settings.table import SPOKEN_SPEED
from ...steps import Steps
from ..contract import Voice
from ..cores import granted_cores
from ..pcm import FULL_SCALE, PCM, encode_pcm
from ..voice_folder import VoiceFolder
from .config import PiperConfig, PiperSettings, Scales, load_config
from .network import PiperNetwork, check_voice_file
from .phonemes import phoneme_ids, phonemes, pieces

_LOGGER = logging.getLogger(__name__)

FIRST_WINDOW_FRAMES = 24
MIN_WINDOW_FRAMES, MAX_WINDOW_FRAMES = 8, 256
WINDOW_GROWTH = 4  # at most, from one window to the next
STEP_SECONDS = 0.045  # that a window should take


@dataclass(frozen=True)
class PiperVoice(Voice):
    """A speaker of a Piper voice's file."""

    engine_name = "piper"

    network: PiperNetwork = field(repr=False, compare=False)
    config: PiperConfig = field(repr=False)
    speaker: int | None
    """None in a file of one speaker."""
    scales: Scales = field(repr=False)
    settings: PiperSettings
    """The .toml beside the file."""

    def load(self) -> Steps[None]:
        """Load the network; see `Voice`."""
        return self.network.load()

    def speak(self, text: str, speed: float = 1.0) -> PCM:
        """Speak a sentence; see `Voice`."""
        yield from self.load()
        scales = self.scales.at_speed(SPOKEN_SPEED.clamp(speed * self.settings.speed))
        window = FIRST_WINDOW_FRAMES
        is_cut = self.network.is_cut
        for clauses in pieces(text):
            ids, unknown = phoneme_ids(phonemes(clauses, self.config), self.config)
            self.network.warn_of_unknown(unknown)
            latents = yield from self.network.latents(ids, scales, self.speaker)
            start, frames = 0, latents.shape[2]
            while start < frames:
                end = start + _share(frames - start, window) if is_cut else frames
                started = time.perf_counter()
                samples = self.network.decode(latents, start, end, self.speaker)
                seconds = time.perf_counter() - started
                yield encode_pcm(samples, FULL_SCALE * self.settings.volume)
                window = _next_window(end - start, self.network.margin_frames, seconds)
                start = end


def _share(frames: int, window: int) -> int:
    """Divide frames into as few windows as possible, of about equal length; return one length."""
    return math.ceil(frames / math.ceil(frames / window))


def _next_window(frames: int, margin: int, seconds: float) -> int:
    """Estimate how many frames fit into a step, from the time that the last ones took."""
    fitting = int(STEP_SECONDS * (frames + margin) / max(seconds, 1e-4)) - margin
    return max(MIN_WINDOW_FRAMES, min(fitting, WINDOW_GROWTH * frames, MAX_WINDOW_FRAMES))


class PiperEngine:
    """Makes voices of the Piper files in a folder."""

    def __init__(self, voices_dir: Path, threads: int | None, seed: int | None) -> None:
        """Watch a folder for NAME.onnx and NAME.onnx.json.

        Args:
            threads: for ONNX Runtime; None for the available cores.
            seed: any number makes the voices speak without noise: the same text, the same audio.
        """
        self._threads = threads or granted_cores()
        self._is_repeatable = seed is not None
        self._folder = VoiceFolder(
            voices_dir,
            _voice_name,
            self._make_voices,
            companions=(".json", ".data"),
            settings_type=PiperSettings,
        )

    @staticmethod
    def is_installed() -> bool:
        """Tell whether ONNX Runtime is installed."""
        return importlib.util.find_spec("onnxruntime") is not None

    @property
    def voices(self) -> Mapping[str, PiperVoice]:
        """The voices that can speak now, by name."""
        voices = self._folder.voices
        return {name: voice for name, voice in voices.items() if voice.network.problem is None}

    def idle_work(self) -> Steps[None]:
        """Scan the folder; see `Engine`."""
        return self._folder.scan()

    def _make_voices(
        self, name: str, file: Path, settings: PiperSettings
    ) -> Steps[list[PiperVoice]]:
        """Make a voice for each speaker of a file."""
        if not self.is_installed():
            raise SetupError(f"the package onnxruntime is missing: {how_to_install('piper')}")
        check_voice_file(file)
        yield
        config = load_config(file.with_name(f"{file.name}.json"))
        if tones := config.missing_tones:
            _LOGGER.warning(
                "Voice '%s' was trained without %d of the six tones, so it mispronounces them",
                *(name, len(tones)),
            )
        scales = config.scales.changed_by(settings)
        if self._is_repeatable:
            scales = scales.without_noise()
        network = PiperNetwork(file, config.sample_rate, self._threads)
        description = settings.description or (DOWNLOADS[name].label if name in DOWNLOADS else name)
        speakers: Mapping[str, int | None] = config.speakers or {"": None}
        return [
            PiperVoice(
                name=f"{name}-{speaker}" if speaker else name,
                description=" ".join(filter(None, (description, speaker))),
                languages=(settings.language or config.language,),
                author="Piper",
                author_url="https://github.com/OHF-Voice/piper1-gpl",
                sample_rate=config.sample_rate,
                network=network,
                config=config,
                speaker=number,
                scales=scales,
                settings=settings,
            )
            for speaker, number in speakers.items()
        ]


def _voice_name(path: Path) -> str | None:
    """Name the voice of a file, by its path within the folder."""
    return path.stem if path.suffix == ".onnx" else None
