"""A Piper voice: computes a sentence in windows."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...settings.table import SPOKEN_SPEED
from ...steps import Steps
from ..contract import FileVoice
from ..loudness import gain, loudness
from ..pauses import faded, pause_after, silence, trimmed
from ..pcm import PCM
from ..samples import FULL_SCALE, decode_pcm, encode_pcm
from .config import COMPANIONS, PiperConfig, PiperSettings, Scales
from .network import PiperNetwork
from .phonemes import phoneme_ids, phonemes, pieces

FIRST_WINDOW_FRAMES = 24
MIN_WINDOW_FRAMES, MAX_WINDOW_FRAMES = 8, 256
WINDOW_GROWTH = 4  # at most, from one window to the next
FIXED_WINDOW_FRAMES = 64
"""Of all windows but the first, where they do not follow the machine."""
PHRASE = "xin chào."
"""Is spoken once, to find out how loud a voice is."""
STEP_SECONDS = 0.045  # that a window should take


@dataclass(frozen=True)
class PiperVoice(FileVoice):
    """A speaker of a Piper voice's file."""

    engine_name = "piper"

    settings: PiperSettings
    """The .toml beside the file."""
    file: Path
    """Its .onnx."""
    network: PiperNetwork = field(repr=False, compare=False)
    config: PiperConfig = field(repr=False)
    speaker: int | None
    """None in a file of one speaker."""
    scales: Scales = field(repr=False)
    has_own_loudness: bool
    """It is as loud as it was trained to be, not as other voices."""
    adapts: bool
    """Its windows follow the speed of the machine, which changes a sample by 1 here and there."""

    @property
    def files(self) -> Sequence[Path]:
        companions = (self.file.with_name(self.file.name + suffix) for suffix in COMPANIONS)
        return self.file.with_suffix(".toml"), *companions, self.file

    @property
    def is_one_of_several(self) -> bool:
        return self.speaker is not None

    def load(self) -> Steps[None]:
        yield from self.network.load()
        if self.network.is_cut:  # one that runs whole would take one long step
            yield from self._measure_gain()

    def _measure_gain(self) -> Steps[None]:
        if self.has_own_loudness or self.speaker in self.network.gains:
            return
        ids, _ = phoneme_ids(phonemes([PHRASE], self.config), self.config)
        pcm = b""
        for piece in self._speak_at_once(ids, 1.0, _Window(self.adapts), 1.0):
            pcm += piece or b""
            yield
        lufs = loudness(decode_pcm(pcm) / FULL_SCALE, self.sample_rate)
        # Of measurements at the same time the first counts, as a voice may speak with noise.
        self.network.gains.setdefault(self.speaker, gain(lufs))

    def speak(self, text: str, speed: float = 1.0) -> PCM:
        yield from self.network.load()
        yield from self._measure_gain()
        speed = SPOKEN_SPEED.clamp(speed * self.settings.speed)
        amplitude = self.settings.volume * self.network.gains.get(self.speaker, 1.0)
        said, window = "", _Window(self.adapts)
        for clauses in pieces(text):
            if said:
                yield silence(pause_after(said) / speed, self.sample_rate)
            ids, unknown = phoneme_ids(phonemes(clauses, self.config), self.config)
            self.network.warn_of_unknown(unknown)
            speaking = self._speak_at_once(ids, speed, window, amplitude)
            yield from faded(trimmed(speaking, self.sample_rate), self.sample_rate)
            said = clauses[-1]

    def _speak_at_once(
        self, ids: list[int], speed: float, window: "_Window", amplitude: float
    ) -> PCM:
        """Speak phonemes that are computed at once."""
        scales = self.scales._replace(length_scale=self.scales.length_scale / speed)
        latents = yield from self.network.latents(ids, scales, self.speaker)
        start, frames = 0, latents.shape[2]
        while start < frames:
            end = start + window.share(frames - start) if self.network.is_cut else frames
            started = time.perf_counter()
            samples = yield from self.network.decode(latents, start, end, self.speaker)
            window.fit(end - start, self.network.margin_frames, time.perf_counter() - started)
            yield encode_pcm(samples, FULL_SCALE * amplitude)
            start = end


class _Window:
    """How many frames are decoded at once: few at first, then as many as fit into a step."""

    def __init__(self, adapts: bool) -> None:
        self._frames = FIRST_WINDOW_FRAMES
        self._adapts = adapts

    def share(self, frames: int) -> int:
        """Divide frames into as few windows as possible, of about equal length; return one."""
        return math.ceil(frames / math.ceil(frames / self._frames))

    def fit(self, frames: int, margin: int, seconds: float) -> None:
        """Estimate how many frames fit into a step, from the time that the last ones took."""
        fitting = int(STEP_SECONDS * (frames + margin) / max(seconds, 1e-4)) - margin
        most = min(WINDOW_GROWTH * frames, MAX_WINDOW_FRAMES)
        fitting = max(MIN_WINDOW_FRAMES, min(fitting, most))
        self._frames = fitting if self._adapts else FIXED_WINDOW_FRAMES
