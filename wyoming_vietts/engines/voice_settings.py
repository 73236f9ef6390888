"""The .toml beside a voice's file, in which users name and tune it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, Self

from ..errors import SetupError
from ..files import read_bytes
from ..settings.table import SPEED, VOICE_VOLUME
from ..settings.values import Kind, Label, Matching, check

_MAX_BYTES = 4000  # a key of many parts takes quadratic time and memory: 24 s and 4 GB for 64 kB


@dataclass(frozen=True)
class VoiceSettings:
    """The content of the file; unknown keys are refused."""

    kinds: ClassVar[Mapping[str, Kind]] = {
        "description": Label(200),
        "language": Matching(
            "(?=.{,35}$)[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", "a string such as vi-VN (BCP 47)"
        ),
        "speed": SPEED.kind,
        "volume": VOICE_VOLUME,
    }

    description: str = ""
    """Label for users; by default, the name."""

    language: str = "vi-VN"
    """BCP 47 tag."""

    speed: float = 1.0
    """Factor on that of the recording."""

    volume: float = 1.0
    """Factor on that of the recording."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file, if there is one.

        Raises:
            SetupError: not TOML, an unknown key, a wrong type or a value out of range.
        """
        try:
            content = read_bytes(path, _MAX_BYTES).decode("utf-8-sig")  # Windows
            import tomllib  # takes 7 ms, and most voices have no such file

            values = tomllib.loads(content)
            return cls(**check(values, cls.kinds, "key"))
        except FileNotFoundError:
            return cls()
        except RecursionError as error:
            raise SetupError(f"{path}: nested too deeply") from error
        except (OSError, ValueError) as error:
            raise SetupError(f"{path}: {error}") from error

    def as_toml(self) -> str:
        """Return the content of a file with these settings."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        lines = (
            f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
            for key, value in values.items()
            if value != getattr(type(self), key)
        )
        return "".join(lines).replace("\x7f", "\\u007f")  # JSON may have it, TOML may not
