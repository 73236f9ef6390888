"""Voices that VieNeu makes of recordings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...recordings import Heard
from ...recordings.recording import recording_name
from ...steps import Steps
from ..contract import ClonedVoice, EngineSettings, Voice
from ..voice_folder import VoiceFolder
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
        """Its recording has been encoded."""
        return self.engine.features.has(self.recording)

    def get_features(self) -> Steps[SpeakerFeatures]:
        """Return them, encoded now if need be.

        Raises:
            UnknownVoiceError: the recording is gone.
            SynthesisError: it cannot be encoded.
        """
        return self.engine.features.get_for_speech(self, self.engine.voices)


class VieNeuCloningEngine(VieNeuEngine):
    """VieNeu with every recording of a folder as a voice, too."""

    name = "vieneu"

    def __init__(self, settings: EngineSettings) -> None:
        """Watch the folders of a model and of recordings; see `VieNeuEngine`.

        Raises:
            ModelError: the model, or a network that hears a recording, is missing or damaged.
        """
        super().__init__(settings)
        folder, threads = settings.vieneu_dir, settings.computing_threads
        self.features = FeatureCache(folder, load_config(folder), threads)
        self._recordings = VoiceFolder(
            settings.recordings_dir, recording_name, self._make_voice, depth=3
        )

    @property
    def voices(self) -> Mapping[str, Voice]:
        """The voices that can speak now, by name.

        The presets come first: a new recording does not change the default voice.
        """
        presets = super().voices
        return {**presets, **self._recordings.voices} if presets else {}

    @property
    def device(self) -> str:
        """Where it computes; see `CloningEngine`."""
        return self.network.device if self.network else "cpu"

    @property
    def voices_dir(self) -> Path:
        """Where recordings are looked for."""
        return self._recordings.folder

    def listen(self, content: bytes, name: str) -> Steps[Heard]:
        """Find the seconds of a recording that would make a voice; see `CloningEngine`."""
        return self.features.listen(content, name)

    def look_again(self) -> Steps[None]:
        """Scan the folder of recordings now; see `CloningEngine`."""
        return self._recordings.look_again()

    def idle_work(self) -> Steps[None]:
        """Unload unused networks, scan, and encode new voices; see `Engine`."""
        yield from super().idle_work()
        yield from self._recordings.scan()
        yield from self.features.prepare(self._recordings.voices.values())

    def _make_voice(
        self, name: str, recording: Path, settings: VoiceSettings
    ) -> Steps[tuple[ClonedVieNeuVoice]]:
        """Make a voice from a recording.

        Raises:
            RecordingError, OSError: the recording cannot be used as a voice.
        """
        yield from self.features.check(recording)
        voice = ClonedVieNeuVoice(
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
        return (voice,)
