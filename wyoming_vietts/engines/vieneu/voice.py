"""A VieNeu voice: a sentence is computed in pieces, and the next one while the first plays."""

from dataclasses import dataclass, field

from ...settings.table import SPOKEN_SPEED
from ...settings.values import Number
from ...steps import Steps
from ..contract import Voice
from ..loudness import gain, loudness
from ..pauses import pause_after, silence
from ..pcm import PCM
from ..samples import FULL_SCALE, encode_pcm
from ..voice_settings import VoiceSettings
from .config import SAMPLE_RATE, SpeakerFeatures
from .edges import trim_and_fade
from .network import VieNeuNetwork
from .phonemes import Piece, phonemes, pieces
from .tempo import stretch

PHRASE = "xin chào."
"""Is spoken once, to find out how loud a voice is."""
PREDICTED_SPEED = Number(0.7, 1.4)
"""As fast as the networks speak; they slur or drag beyond it, where the waveform is stretched."""
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
        """Load the networks, and measure the voice; see `Voice`."""
        with self.network.in_use():
            yield from load(self.network, self.features)

    def speak(self, text: str, speed: float = 1.0) -> PCM:
        """Speak a sentence; see `Voice`."""
        return speak(self.network, self.features, self.settings, self.seed, text, speed)


def load(network: VieNeuNetwork, features: SpeakerFeatures) -> Steps[float]:
    """Load the networks, and return the gain that makes a voice as loud as others."""
    yield from network.load()
    if network.has_own_loudness:
        return 1.0
    voice = features.speaker.tobytes()
    if voice not in network.gains:
        ids = network.phoneme_ids(phonemes(Piece([PHRASE])))
        waveform = yield from network.speak(ids, features, speed=1.0, seed=0)
        lufs = loudness(trim_and_fade(waveform), SAMPLE_RATE)
        network.gains.setdefault(voice, gain(lufs))
    return network.gains[voice]


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
    predicted = PREDICTED_SPEED.clamp(speed)
    with network.in_use():
        amplitude = settings.volume * (yield from load(network, features))
        said = ""
        for number, piece in enumerate(pieces(text, network.max_characters)):
            spoken = phonemes(piece)
            yield None
            if not spoken:
                continue
            draws = None if seed is None else seed + number
            ids = network.phoneme_ids(spoken)
            waveform = yield from network.speak(ids, features, predicted, draws)
            waveform = yield from stretch(waveform, speed / predicted)
            pcm = encode_pcm(trim_and_fade(waveform), FULL_SCALE * amplitude)
            if said[-1:] in MARKS:  # else a clause was cut at a space
                yield silence(pause_after(said) / speed, SAMPLE_RATE)
            yield pcm
            said = piece.clauses[-1]
