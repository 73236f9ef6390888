"""A VieNeu voice: a sentence is computed in pieces, and the next one while the first plays."""

from dataclasses import dataclass, field

from ...settings.table import SPOKEN_SPEED
from ...steps import Steps
from ..contract import Voice
from ..pauses import pause_after, silence
from ..pcm import PCM
from ..samples import FULL_SCALE, encode_pcm
from ..voice_settings import VoiceSettings
from .config import SAMPLE_RATE, SpeakerFeatures
from .edges import trim_and_fade
from .network import VieNeuNetwork
from .phonemes import phonemes, pieces

MARKS = (".", ",", ";", ":", "!", "?")
"""After which there is a pause."""


@dataclass(frozen=True)
class VieNeuVoice(Voice):
    """A ready voice."""

    engine_name = "vieneu"

    network: VieNeuNetwork = field(repr=False, compare=False)
    features: SpeakerFeatures = field(repr=False, compare=False)
    settings: VoiceSettings
    seed: int | None

    def load(self) -> Steps[None]:
        """Load the networks; see `Voice`."""
        with self.network.in_use():
            yield from self.network.load()

    def speak(self, text: str, speed: float = 1.0) -> PCM:
        """Speak a sentence; see `Voice`."""
        return speak(self.network, self.features, self.settings, self.seed, text, speed)


def speak(
    network: VieNeuNetwork,
    features: SpeakerFeatures,
    settings: VoiceSettings,
    seed: int | None,
    text: str,
    speed: float,
) -> PCM:
    """Speak a sentence in a voice; see `Voice`.

    Args:
        seed: the same text always gives the same audio; with None, it differs each time.
    """
    speed = SPOKEN_SPEED.clamp(speed * settings.speed)
    with network.in_use():
        yield from network.load()
        said = ""
        for number, piece in enumerate(pieces(text, network.max_characters)):
            spoken = phonemes(piece)
            yield None
            if not spoken:
                continue
            draws = None if seed is None else seed + number
            ids = network.phoneme_ids(spoken)
            waveform = yield from network.speak(ids, features, speed, draws)
            pcm = encode_pcm(trim_and_fade(waveform), FULL_SCALE * settings.volume)
            if said[-1:] in MARKS:  # else a clause was cut at a space
                yield silence(pause_after(said) / speed, SAMPLE_RATE)
            yield pcm
            said = piece.clauses[-1]
