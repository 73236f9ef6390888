"""A VieNeu voice: a sentence is computed in pieces, and the next one while the first plays."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from .engine import VieNeuEngine

PHRASE = "xin chào."
"""Is spoken once, to find out how loud a voice is."""
PREDICTED_SPEED = Number(0.7, 1.4)
"""As fast as the networks speak; they slur or drag beyond it, where the waveform is stretched."""
MARKS = (".", ",", ";", ":", "!", "?")
"""After which there is a pause."""


@dataclass(frozen=True)
class VieNeuVoice(Voice):
    """A voice of the model: its features make it sound like one person."""

    engine_name = "vieneu"

    settings: VoiceSettings
    engine: "VieNeuEngine" = field(repr=False, compare=False)
    """Owns everything that the voices share."""

    @property
    def network(self) -> VieNeuNetwork:
        """Computes its speech; see `network_for_speech`."""
        return self.engine.network_for_speech()

    @abstractmethod
    def get_features(self) -> Steps[SpeakerFeatures]:
        """Return the features."""

    def load(self) -> Steps[None]:
        """Load the networks, and measure a voice that is ready; see `Voice`."""
        network = self.network
        with network.in_use():
            yield from network.load()
            if self.is_ready:
                yield from _gain(network, (yield from self.get_features()))

    def speak(self, text: str, speed: float = 1.0) -> PCM:
        """Speak a sentence; see `Voice`."""
        network, seed = self.network, self.engine.settings.seed
        features = yield from self.get_features()
        speed = SPOKEN_SPEED.clamp(speed * self.settings.speed)
        predicted = PREDICTED_SPEED.clamp(speed)
        with network.in_use():
            yield from network.load()
            amplitude = self.settings.volume * (yield from _gain(network, features))
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


@dataclass(frozen=True)
class PresetVoice(VieNeuVoice):
    """A voice that came with the model."""

    features: SpeakerFeatures = field(repr=False, compare=False)

    def get_features(self) -> Steps[SpeakerFeatures]:
        yield from ()
        return self.features


def _gain(network: VieNeuNetwork, features: SpeakerFeatures) -> Steps[float]:
    """Return the gain that makes a voice as loud as others; measure it the first time."""
    if network.has_own_loudness:
        return 1.0
    voice = features.speaker.tobytes()
    if voice not in network.gains:
        ids = network.phoneme_ids(phonemes(Piece([PHRASE])))
        waveform = yield from network.speak(ids, features, speed=1.0, seed=0)
        lufs = loudness(trim_and_fade(waveform), SAMPLE_RATE)
        network.gains.setdefault(voice, gain(lufs))
    return network.gains[voice]
