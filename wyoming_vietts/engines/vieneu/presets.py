"""Reads the preset voices of VieNeu-TTS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ModelError
from ...files import read_bytes, recognize
from ...steps import Steps
from ..contract import Region, slug
from .config import Floats, SpeakerFeatures

_MAX_BYTES = 8_000_000  # the published eleven have 2.3 MB; they are parsed in one step
_MAX_PRESETS = 200
_MAX_NAME_CHARACTERS = 60
_GENDERS = {"male": "nam", "female": "nữ"}
_REGIONS: Mapping[str, Region] = {"Bắc": "north", "Trung": "central", "Nam": "south"}


@dataclass(frozen=True)
class Preset:
    """A preset voice."""

    name: str
    """Stable key, such as `vieneu-minh-quan`."""
    label: str
    """Label for users, such as `Minh Quân (nam, miền Bắc)`."""
    region: Region | None
    features: SpeakerFeatures


def load_presets(path: Path) -> Steps[list[Preset]]:
    """Read the presets, the default one first.

    Raises:
        ModelError: it is not such a file; the message says why.
        OSError: it cannot be read.
    """
    content = read_bytes(path, _MAX_BYTES)
    yield
    try:
        values = json.loads(content)
        yield
        presets = values["presets"]
        default = values.get("default_voice")
        names = sorted(presets, key=lambda name: name != default)
        if not 0 < len(names) <= _MAX_PRESETS:
            raise ValueError(f"it has {len(names)} voices")
        found = []
        for name in names:
            found.append(_read(name, presets[name]))
            yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if disguise := recognize(content[:512]):
            raise ModelError(f"{path} is {disguise}") from error
        raise ModelError(f"{path} is not a file of VieNeu's voices: {error!s:.200}") from error
    return found


def _read(name: str, values: Mapping[str, Any]) -> Preset:
    if not (name.isprintable() and 0 < len(name) <= _MAX_NAME_CHARACTERS):
        raise ValueError(f"a voice's name is {name!a:.80}")
    features = SpeakerFeatures(_floats(values["speaker_emb"]), _floats(values["style"]))
    try:
        features.check()
    except ValueError as error:
        raise ValueError(f"voice '{name}': {error}") from error
    written = _region(values)
    return Preset(
        f"vieneu-{slug(name)}", _label(name, values, written), _REGIONS.get(written), features
    )


def _floats(numbers: Any) -> Floats:
    return np.array(numbers, np.float32)


def _region(values: Mapping[str, Any]) -> str:
    """Return one of `_REGIONS`, or "": the description is `gender · region · manner`."""
    parts = str(values.get("description", "")).split("·")
    return next((part.strip() for part in parts[1:2] if part.strip() in _REGIONS), "")


def _label(name: str, values: Mapping[str, Any], region: str) -> str:
    """Add gender and region."""
    about = _GENDERS.get(str(values.get("gender")), ""), region and f"miền {region}"
    known = ", ".join(filter(None, about))
    return f"{name} ({known})" if known else name
