"""The .toml beside the file of presets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...settings.table import SPEED, VOICE_VOLUME
from ...settings.values import Kind
from ..voice_settings import VoiceSettings


@dataclass(frozen=True)
class PresetSettings(VoiceSettings):
    """Speed and volume of all presets."""

    kinds: ClassVar[Mapping[str, Kind]] = {"speed": SPEED.kind, "volume": VOICE_VOLUME}
