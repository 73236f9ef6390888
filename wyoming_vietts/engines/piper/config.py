"""A voice's `.onnx.json`: what its network was trained with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ...files import read_bytes

_MAX_BYTES = 4_000_000
_TONES = "2456"  # of eSpeak NG's Vietnamese; the two others have signs of their own, or none


@dataclass(frozen=True)
class PiperConfig:
    """What the engine needs to know of a voice."""

    sample_rate: int
    """Hz."""
    espeak_voice: str
    """The voice of eSpeak NG that makes the phonemes; "" if the phonemes are letters."""
    ids: Mapping[str, tuple[int, ...]]
    """Of each phoneme, which is a character."""
    speakers: Mapping[str, int]
    """Numbers of the speakers by name; empty for a voice of one speaker."""
    noise_scale: float
    length_scale: float
    noise_w: float

    @property
    def missing_tones(self) -> str:
        """Tones of Vietnamese that the voice cannot tell apart, by eSpeak NG's signs."""
        is_vietnamese = self.espeak_voice.startswith("vi")
        return "".join(tone for tone in _TONES if is_vietnamese and tone not in self.ids)


def load_config(path: Path) -> PiperConfig:
    """Read a voice's configuration, of an old release of Piper or a new one.

    Raises:
        ConfigError: it is missing, not JSON, incomplete, or of phonemes that cannot be made here.
    """
    try:
        values = json.loads(read_bytes(path, _MAX_BYTES))
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing; it belongs to the .onnx file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        return _read(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"{path} is not the configuration of a Piper voice: {reason}") from error


def _read(values: Any) -> PiperConfig:
    phoneme_type = values.get("phoneme_type", "espeak")  # absent in old files
    if phoneme_type not in ("espeak", "text"):
        raise ValueError(f"phoneme_type is '{phoneme_type}'; only espeak and text can be spoken")
    inference = values.get("inference", {})
    speakers = dict(values.get("speaker_id_map") or {})
    if values["num_speakers"] > 1 and not speakers:
        speakers = {str(number): number for number in range(values["num_speakers"])}
    config = PiperConfig(
        sample_rate=int(values["audio"]["sample_rate"]),
        espeak_voice=str(values["espeak"]["voice"]) if phoneme_type == "espeak" else "",
        ids={str(p): tuple(map(int, ids)) for p, ids in values["phoneme_id_map"].items()},
        speakers=speakers if values["num_speakers"] > 1 else {},
        noise_scale=float(inference.get("noise_scale", 0.667)),
        length_scale=float(inference.get("length_scale", 1.0)),
        noise_w=float(inference.get("noise_w", 0.8)),
    )
    if not 4000 <= config.sample_rate <= 192_000:
        raise ValueError(f"its sample rate is {config.sample_rate}")
    for mark in "^_$":
        if mark not in config.ids:
            raise ValueError(f"phoneme_id_map has no '{mark}'")
    if config.length_scale <= 0:
        raise ValueError(f"length_scale is {config.length_scale}")
    return config
