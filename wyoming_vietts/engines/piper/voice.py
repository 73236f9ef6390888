"""A Piper voice: computes a sentence in windows."""

import math
import time
from dataclasses import dataclass, field

from ...settings.table import SPOKEN_SPEED
from ...steps import Steps
from ..contract import Voice
from ..pcm import PCM
from ..samples import FULL_SCALE, encode_pcm
from .config import PiperConfig, PiperSettings, Scales
from .network import PiperNetwork
from .phonemes import phoneme_ids, phonemes, pieces

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
        yield from self.network.load()

    def speak(self, text: str, speed: float = 1.0) -> PCM:
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
