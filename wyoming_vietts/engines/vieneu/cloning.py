"""Voices that VieNeu makes of recordings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...steps import Steps
from ..cloning import CloningEngine
from ..contract import ClonedVoice, EngineSettings, Voice
from ..voice_settings import VoiceSettings
from .config import SAMPLE_RATE, SpeakerFeatures, load_config
from .engine import AUTHOR, AUTHOR_URL, VieNeuEngine
from .enrolment import FeatureCache
from .voice import VieNeuVoice

SUFFIX = "-vieneu"
"""Of a voice's name: without it, it is VietTTS that speaks."""


@dataclass(frozen=True)
class ClonedVieNeuVoice(VieNeuVoice, ClonedVoice):
    """A voice that is cloned from a recording."""

    engine: "VieNeuCloningEngine" = field(repr=False, compare=False)

    @property
    def is_ready(self) -> bool:
        return self.engine.features.has(self.recording)

    def get_features(self) -> Steps[SpeakerFeatures]:
        """Return them, encoded now if need be; see `RecordingCache.get_for_speech`."""
        return self.engine.features.get_for_speech(self, self.engine.voices)


class VieNeuCloningEngine(VieNeuEngine, CloningEngine[ClonedVieNeuVoice]):
    """VieNeu with every recording of a folder as a voice, too."""

    name = "vieneu"

    def __init__(self, settings: EngineSettings) -> None:
        """Watch the folders of a model and of recordings; see `VieNeuEngine`.

        Raises:
            ModelError: the model, or a network that hears a recording, is missing or damaged.
        """
        VieNeuEngine.__init__(self, settings)
        CloningEngine.__init__(self, settings.recordings_dir)
        folder, threads = settings.vieneu_dir, settings.computing_threads
        self.features = FeatureCache(folder, load_config(folder), threads)

    @property
    def voices(self) -> Mapping[str, Voice]:
        """The voices that can speak now, by name.

        The presets come first: a new recording does not change the default voice.
        """
        presets = super().voices
        return {**presets, **self._recordings.voices} if presets else {}

    @property
    def device(self) -> str:
        return self.network.device if self.network else "cpu"

    def idle_work(self) -> Steps[None]:
        yield from VieNeuEngine.idle_work(self)
        yield from CloningEngine.idle_work(self)

    def _make_voice(self, name: str, recording: Path, settings: VoiceSettings) -> ClonedVieNeuVoice:
        return ClonedVieNeuVoice(
            name=name + SUFFIX,
            description=f"{settings.description or name} (VieNeu)",
            languages=(settings.language,),
            author=AUTHOR,
            author_url=AUTHOR_URL,
            sample_rate=SAMPLE_RATE,
            recording=recording,
            settings=settings,
            engine=self,
        )
