"""Voices that VieNeu makes of recordings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import SynthesisError
from ...recordings import Heard
from ...recordings.recording import recording_name
from ...steps import Steps
from ..contract import ClonedVoice, Voice
from ..pcm import PCM
from ..voice_folder import VoiceFolder
from ..voice_settings import VoiceSettings
from .config import SAMPLE_RATE, load_config
from .engine import AUTHOR, AUTHOR_URL, VieNeuEngine
from .enrolment import FeatureCache
from .network import VieNeuNetwork
from .voice import speak

SUFFIX = "-vieneu"
"""Of a voice's name: without it, it is VietTTS that speaks."""


@dataclass(frozen=True)
class ClonedVieNeuVoice(ClonedVoice):
    """A voice that is cloned from a recording."""

    engine_name = "vieneu"

    engine: "VieNeuCloningEngine" = field(repr=False, compare=False)
    """Owns what all voices share."""

    @property
    def is_ready(self) -> bool:
        """Its recording has been encoded."""
        return self.engine.features.has(self.recording)

    def load(self) -> Steps[None]:
        """Load the networks; see `Voice`."""
        network = self.engine.network_for_speech()
        with network.in_use():
            yield from network.load()

    def speak(self, text: str, speed: float = 1.0) -> PCM:
        """Speak a sentence; see `Voice`."""
        network = self.engine.network_for_speech()
        features = yield from self.engine.features.get_for_speech(self, self.engine.voices)
        yield from speak(network, features, self.settings, self.engine.seed, text, speed)


class VieNeuCloningEngine(VieNeuEngine):
    """VieNeu with every recording of a folder as a voice, before the presets."""

    name = "vieneu"

    def __init__(
        self,
        model_dir: Path,
        recordings_dir: Path,
        *,
        threads: int | None,
        quality: str | None,
        seed: int | None,
        unload_after_minutes: float | None = None,
        has_own_loudness: bool = False,
        device: str = "cpu",
    ) -> None:
        """Watch the folders of a model and of recordings; see `VieNeuEngine`.

        Raises:
            ModelError: the model, or a network that hears a recording, is missing or damaged.
        """
        super().__init__(
            model_dir,
            threads=threads,
            quality=quality,
            seed=seed,
            unload_after_minutes=unload_after_minutes,
            has_own_loudness=has_own_loudness,
            device=device,
        )
        self.features = FeatureCache(model_dir, load_config(model_dir), self.threads)
        self._recordings = VoiceFolder(recordings_dir, recording_name, self._make_voice, depth=3)

    @property
    def voices(self) -> Mapping[str, Voice]:
        """The voices that can speak now, by name: clones, then presets."""
        presets = super().voices
        return {**self._recordings.voices, **presets} if presets else {}

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

    def network_for_speech(self) -> VieNeuNetwork:
        """Return the networks.

        Raises:
            SynthesisError: the model is gone.
        """
        if self.network is None:
            raise SynthesisError("The VieNeu model is gone")
        return self.network

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
