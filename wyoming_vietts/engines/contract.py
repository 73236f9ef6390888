"""The interface of engines and voices to the rest of the program."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from ..recordings import Heard
from ..steps import Steps
from .pcm import PCM
from .voice_settings import VoiceSettings


@dataclass(frozen=True)
class Voice(ABC):
    """Turns one speakable sentence into PCM: mono, int16, little-endian."""

    engine_name: ClassVar[str] = ""
    """One of `ENGINES`."""

    max_sentences_at_once: ClassVar[int | None] = None
    """How many sentences the engine may speak at a time, as each holds memory; None: any number."""

    name: str
    """Stable key, unique within the server; what clients store and send back."""

    description: str
    """Label that a user sees; Home Assistant sorts by it."""

    languages: tuple[str, ...]
    """BCP 47 tags, such as `vi` or `vi-VN`."""

    author: str
    """Who made the voice."""

    author_url: str
    """Where the voice comes from."""

    sample_rate: int
    """Sample rate of its PCM, in Hz."""

    @property
    def is_ready(self) -> bool:
        """Nothing that takes seconds must be computed before it can speak."""
        return True

    def load(self) -> Steps[None]:
        """Load what `speak` would otherwise load first.

        Raises:
            UnknownVoiceError: it is gone.
            SynthesisError: it cannot be loaded now.
        """
        yield from ()

    @abstractmethod
    def speak(self, text: str, speed: float = 1.0) -> PCM:
        """Speak a sentence of letters and `.,;:!?`.

        The generator computes for at most about 50 ms, or one model step, before it yields. Closing
        it stops the computation.

        Args:
            text: a speakable sentence, as `wyoming_vietts.text.speakable` makes it.
            speed: 1.0 is the voice's own, 2.0 is twice as fast; the pitch stays the same. What it
                makes with the voice's own settings is clamped to `SPOKEN_SPEED`.

        Yields:
            PCM, or None as a pause.

        Raises:
            UnknownVoiceError: the voice is gone.
            SynthesisError: this sentence cannot be spoken; others may.
        """


class Engine(Protocol):
    """A way of speaking, with its voices."""

    @property
    def voices(self) -> Mapping[str, Voice]:
        """The voices that are available now, by name."""

    def idle_work(self) -> Steps[None]:
        """Do background work, in steps as short as those of `speak`.

        It is called again and again while nobody is being served.
        """


@dataclass(frozen=True)
class ClonedVoice(Voice):
    """A voice that is made of a recording."""

    recording: Path

    settings: VoiceSettings
    """What the user wrote in the .toml beside the recording."""


@runtime_checkable
class CloningEngine(Engine, Protocol):
    """An engine that makes a voice of a recording."""

    @property
    def voices(self) -> Mapping[str, ClonedVoice]:
        """The voices that are available now, by name."""

    @property
    def device(self) -> str:
        """What it computes on, such as `cpu` or `cuda:0`."""

    @property
    def voices_dir(self) -> Path:
        """Where it looks for recordings."""

    def listen(self, content: bytes, name: str) -> Steps[Heard]:
        """Find out which seconds of a recording would make a voice.

        Args:
            name: of its file, for messages; its suffix tells the format.

        Raises:
            RecordingError: it cannot be a voice; its `code` and message say why.
        """

    def look_again(self) -> Steps[None]:
        """See which files of the folder have come, changed or gone."""
