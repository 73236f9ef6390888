"""Engines that clone voices from recordings: what they have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..recordings import Heard
from ..steps import Steps
from .contract import ClonedVoice
from .voice_folder import VoiceFolder
from .voice_settings import VoiceSettings

if TYPE_CHECKING:
    from .recording_cache import RecordingCache

V = TypeVar("V", bound=ClonedVoice)


class CloningEngine(ABC, Generic[V]):
    """An engine that makes a voice of every recording of a folder."""

    name: str
    """One of `ENGINES`."""

    features: "RecordingCache[Any]"
    """Of the voices, by recording."""

    def __init__(self, recordings_dir: Path) -> None:
        """Watch a folder, which need not exist yet."""
        from ..recordings.recording import recording_name  # most servers lack its packages

        self.voices_dir = recordings_dir
        self._recordings = VoiceFolder(recordings_dir, recording_name, self._clone, depth=3)

    @property
    @abstractmethod
    def device(self) -> str:
        """Its device, such as `cpu` or `cuda:0`."""

    def listen(self, content: bytes, name: str) -> Steps[Heard]:
        """Find the seconds of a recording that would make a voice.

        Args:
            content: of its file.
            name: of its file, for messages; its suffix tells the format.

        Raises:
            RecordingError: no voice can be made of it; `code` and message say why.
        """
        return self.features.listen(content, name)

    def look_again(self) -> Steps[None]:
        """Scan the folder now."""
        return self._recordings.look_again()

    def idle_work(self) -> Steps[None]:
        """Scan the folder, encode new voices, forget removed ones; see `Engine`."""
        yield from self._recordings.scan()
        yield from self.features.prepare(self._recordings.voices.values())

    @abstractmethod
    def _make_voice(self, name: str, recording: Path, settings: VoiceSettings) -> V:
        """Make a voice of a recording that has been checked."""

    def _clone(self, name: str, recording: Path, settings: VoiceSettings) -> Steps[Sequence[V]]:
        yield from self.features.check(recording)
        return (self._make_voice(name, recording, settings),)
