"""The .toml beside a voice's file: how users name and tune their voices."""

import json
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from ..errors import VoiceSettingsError
from ..files import read_bytes
from ..settings.table import SPEED, VOICE_VOLUME
from ..settings.values import Text, check

_MAX_BYTES = 64_000
_KINDS = {
    "description": Text("a string"),
    "language": Text("a string"),
    "speed": SPEED.kind,
    "volume": VOICE_VOLUME,
}


@dataclass(frozen=True)
class VoiceSettings:
    """What the file may say; unknown keys are refused."""

    description: str = ""
    """Label that a user sees; the name if there is none."""

    language: str = "vi-VN"
    """BCP 47 tag."""

    speed: float = 1.0
    """Times that of the recording."""

    volume: float = 1.0
    """Times that of the recording."""

    @classmethod
    def load(cls, path: Path) -> "VoiceSettings":
        """Read the file, if there is one.

        Raises:
            VoiceSettingsError: not TOML, an unknown key, a wrong type or a value out of range.
        """
        if not path.exists():
            return cls()
        try:
            return cls(**check(tomllib.loads(read_bytes(path, _MAX_BYTES).decode()), _KINDS, "key"))
        except RecursionError as error:
            raise VoiceSettingsError(f"{path}: nested too deeply") from error
        except (OSError, ValueError) as error:
            raise VoiceSettingsError(f"{path}: {error}") from error

    def as_toml(self) -> str:
        """The content of a file that says the same."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        lines = (
            f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
            for key, value in values.items()
            if value != getattr(VoiceSettings, key)
        )
        return "".join(lines).replace("\x7f", "\\u007f")  # JSON may have it, TOML may not
