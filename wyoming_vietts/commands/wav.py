"""Writes WAV files for commands."""

import os
import wave
from dataclasses import dataclass
from pathlib import Path

from ..errors import SetupError


@dataclass(frozen=True)
class Speech:
    """Audio for a WAV file."""

    pcm: bytes
    sample_rate: int
    """Hz."""
    sample_width: int = 2
    """Bytes."""
    channels: int = 1

    def write(self, path: Path) -> None:
        """Write a WAV file.

        Raises:
            OSError: it cannot be written.
        """
        with path.open("wb") as file, wave.open(file, "wb") as wav:
            wav.setframerate(self.sample_rate)
            wav.setsampwidth(self.sample_width)
            wav.setnchannels(self.channels)
            wav.writeframes(self.pcm)


def check_output(path: Path) -> None:
    """Check in advance that a file can be written.

    Raises:
        SetupError: it cannot; the message says why.
    """
    folder = path.parent
    if not folder.is_dir():
        reason = f"there is no folder {folder}"
    elif path.is_dir():
        reason = "it is a folder"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        reason = "permission denied"
    else:
        return
    raise SetupError(f"Cannot write {path}: {reason}")
