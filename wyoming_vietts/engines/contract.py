"""The interface between engines, voices and the rest of the program."""

import os
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar, Literal, Protocol, Self

from ..settings.table import MODEL_DIR, PIPER_DIR, VIENEU_DIR
from ..steps import Steps
from .cores import granted_cores
from .pcm import PCM
from .voice_settings import VoiceSettings


@dataclass(frozen=True)
class EngineSettings:
    """The settings of engines, by their names in `settings.table`."""

    model_dir: Path = MODEL_DIR.default
    piper_dir: Path = PIPER_DIR.default
    vieneu_dir: Path = VIENEU_DIR.default
    voices_dir: Path | None = None
    device: str = "auto"
    threads: int | None = None
    quality: str | None = None
    seed: int | None = None
    own_loudness: bool = False
    no_streaming: bool = False
    unload_after: float | None = None
    """Minutes."""

    @property
    def recordings_dir(self) -> Path:
        """Where recordings to clone are."""
        return self.voices_dir or self.model_dir / "voices"

    @property
    def computing_threads(self) -> int:
        """How many threads compute: as many as cores are granted, unless stated."""
        return self.threads or granted_cores()

    @classmethod
    def of(cls, options: object) -> Self:
        """Take the options of these names."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})


Region = Literal["north", "central", "south"]


@dataclass(frozen=True)
class Voice(ABC):
    """Turns one speakable sentence into PCM: mono, int16, little-endian."""

    engine_name: ClassVar[str] = ""
    """One of `ENGINES`."""

    max_sentences_at_once: ClassVar[int | None] = None
    """Limit of sentences at a time in the engine, as each holds memory; None for no limit."""

    name: str
    """Stable key, unique within the server; clients store it."""

    description: str
    """Label for users; Home Assistant sorts by it."""

    languages: tuple[str, ...]
    """BCP 47 tags, such as `vi` or `vi-VN`."""

    author: str
    """Who made the voice."""

    author_url: str
    """Where the voice comes from."""

    sample_rate: int
    """Sample rate of its PCM, in Hz."""

    region: Region | None = field(default=None, kw_only=True)
    """The region of Vietnam with its accent; None if unknown."""

    @property
    def is_ready(self) -> bool:
        """Whether it can speak without seconds of preparation."""
        return True

    def load(self) -> Steps[None]:
        """Load everything that `speak` needs; else `speak` loads it.

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
            speed: 1.0 is the voice's own, 2.0 is twice as fast; the pitch stays the same. Its
                product with the voice's own settings is clamped to `SPOKEN_SPEED`.

        Yields:
            PCM, or None as a pause.

        Raises:
            UnknownVoiceError: the voice is gone.
            SynthesisError: this sentence cannot be spoken; others may.
        """


def slug(label: str) -> str:
    """Turn `Cô An` into `co-an`, for the name of a voice."""
    decomposed = unicodedata.normalize("NFD", label.lower().replace("đ", "d"))
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")


class Engine(Protocol):
    """A technology of speech, with its voices."""

    @property
    def voices(self) -> Mapping[str, Voice]:
        """The voices that are available now, by name."""

    def idle_work(self) -> Steps[None]:
        """Do background work, in steps as short as those of `speak`.

        Called every few seconds while no utterance is under way.
        """


@dataclass(frozen=True)
class FileVoice(Voice):
    """A voice made of files that users add, rename and delete."""

    settings: VoiceSettings
    """The .toml beside its main file."""

    @property
    @abstractmethod
    def files(self) -> Sequence[Path]:
        """The .toml, further files and the main one; only the main one must exist."""

    @property
    def label(self) -> str:
        """Its description as users write it, without what an engine adds."""
        return self.settings.description or self.description

    @property
    def is_one_of_several(self) -> bool:
        """Whether its files make other voices, too."""
        return False


@dataclass(frozen=True)
class ClonedVoice(FileVoice):
    """A voice cloned from a recording."""

    recording: Path

    @property
    def label(self) -> str:
        return self.settings.description or self.recording.stem

    @property
    def files(self) -> Sequence[Path]:
        return self.recording.with_name(f"{self.recording.stem}.toml"), self.recording

    @property
    def is_gone(self) -> bool:
        """Its recording has been deleted."""
        return not os.path.exists(self.recording)  # Path.exists raises on an unreadable folder
