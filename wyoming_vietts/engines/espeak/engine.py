"""The embedded voices: eSpeak NG, with its best settings for Vietnamese."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...settings.table import SPOKEN_SPEED
from ...steps import Steps
from ..contract import Region, Voice
from ..pauses import fade_in
from ..pcm import PCM, SAMPLE_WIDTH
from .gate import speakable_clauses
from .library import Library, load_library

_WORDS_PER_MINUTE = 130  # at speed 1; a recogniser understands more than at 160

# The library's own voices without flutter and roughness, which keep state between clauses: so the
# same clause always gives the same samples.
_VOICE_FILES = Path(__file__).with_name("voices")

_SILENCE = re.compile(bytes(8) + b"\0*")  # at least 4 samples
_CLICK = 2048  # of 32767: no other sound begins with so large a sample
_FADE_SECONDS = 0.003


@dataclass(frozen=True)
class EspeakVoice(Voice):
    """A voice of eSpeak NG; it speaks one clause at a time."""

    engine_name = "espeak"

    file: Path
    """Its settings, in the library's own format."""

    pitch: int
    """Base pitch, 0-100."""

    pitch_range: int
    """0-100; about 75 keeps the six tones distinct."""

    amplitude: int
    """0-200, at which it is as loud as `TARGET_LUFS`."""

    library: Library = field(repr=False)

    def speak(self, text: str, speed: float = 1.0) -> PCM:
        words_per_minute = round(_WORDS_PER_MINUTE * SPOKEN_SPEED.clamp(speed))
        for clause in speakable_clauses(text):
            # Not bound to a name: this would keep the samples until the listener has them all.
            yield _without_clicks(
                self.library.speak(
                    clause,
                    self.file,
                    words_per_minute,
                    self.pitch,
                    self.pitch_range,
                    self.amplitude,
                ),
                self.sample_rate,
            )


class EspeakEngine:
    """The three embedded voices."""

    def __init__(self) -> None:
        """Load the library; raise SetupError if it refuses its data folder."""
        voices = (
            _voice("espeak-north-male", "Giọng nam miền Bắc (eSpeak NG)", "north", 50, 75, 73),
            _voice("espeak-north-female", "Giọng nữ miền Bắc (eSpeak NG)", "north", 50, 75, 66),
            _voice("espeak-south-male", "Giọng nam miền Nam (eSpeak NG)", "south", 65, 100, 68),
        )
        self.voices: Mapping[str, EspeakVoice] = {voice.name: voice for voice in voices}

    def idle_work(self) -> Steps[None]:
        """Do nothing: everything is loaded from the start."""
        yield from ()


def _without_clicks(pcm: bytes, sample_rate: int) -> bytes:
    """Fade in a [w] after a t (`tuần`, `toàn`): the library begins it at once, out of silence."""
    samples = memoryview(pcm).cast("h")
    fade = SAMPLE_WIDTH * round(_FADE_SECONDS * sample_rate)
    for match in _SILENCE.finditer(pcm):
        start = match.end() // SAMPLE_WIDTH
        if start < len(samples) and abs(samples[start]) > _CLICK:
            at = SAMPLE_WIDTH * start
            pcm = pcm[:at] + fade_in(pcm[at:], fade)
    return pcm


def _voice(
    name: str, description: str, region: Region, pitch: int, pitch_range: int, amplitude: int
) -> EspeakVoice:
    library = load_library()
    return EspeakVoice(
        name=name,
        description=description,
        languages=("vi-VN",),
        author="eSpeak NG",
        author_url="https://github.com/espeak-ng/espeak-ng",
        sample_rate=library.sample_rate,
        region=region,
        file=_VOICE_FILES / name.removeprefix("espeak-"),
        pitch=pitch,
        pitch_range=pitch_range,
        amplitude=amplitude,
        library=library,
    )
