"""The .toml beside a voice's file: how users name and tune their voices."""

import json
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import VoiceSettingsError
from ..files import read_bytes

_MAX_BYTES = 64_000


@dataclass(frozen=True)
class VoiceSettings:
    """What the file may say; unknown keys are refused."""

    description: str = ""
    """Label that a user sees; the name if there is none."""

    language: str = "vi-VN"
    """BCP 47 tag."""

    speed: float = 1.0
    """0.5 to 2."""

    volume: float = 1.0
    """0 to 4."""

    @classmethod
    def load(cls, path: Path) -> "VoiceSettings":
        """Read the file, if there is one.

        Raises:
            VoiceSettingsError: not TOML, an unknown key, a wrong type or a value out of range.
        """
        if not path.exists():
            return cls()
        try:
            values: dict[str, Any] = tomllib.loads(read_bytes(path, _MAX_BYTES).decode())
        except RecursionError as error:
            raise VoiceSettingsError(f"{path}: nested too deeply") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise VoiceSettingsError(f"{path}: {error}") from error
        known = {field.name: field.type for field in fields(cls)}
        for key, value in values.items():
            if key not in known:
                raise VoiceSettingsError(
                    f"{path}: unknown key '{key}'; available: {', '.join(known)}"
                )
            right = (int, float) if known[key] is float else (str,)
            if not isinstance(value, right) or isinstance(value, bool):
                kind = "number" if float in right else "string"
                raise VoiceSettingsError(f"{path}: '{key}' is {value!r}; it must be a {kind}")
        settings = cls(**values)
        if not (0.5 <= settings.speed <= 2.0 and 0.0 <= settings.volume <= 4.0):
            raise VoiceSettingsError(f"{path}: 'speed' must be 0.5 to 2 and 'volume' 0 to 4")
        return settings

    def as_toml(self) -> str:
        """The content of a file that says the same."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        lines = (
            f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
            for key, value in values.items()
            if value != getattr(VoiceSettings, key)
        )
        return "".join(lines).replace("\x7f", "\\u007f")  # JSON may have it, TOML may not
