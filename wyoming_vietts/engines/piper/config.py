"""Reads the `.onnx.json` of a Piper voice, and its .toml."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from ...errors import ModelError
from ...files import read_bytes, recognize
from ...settings.table import PIPER_SCALES
from ...settings.values import Kind, WholeNumber, check_value
from ..espeak.library import load_library
from ..voice_settings import VoiceSettings

COMPANIONS = (".json", ".data")
"""Suffixes of the files beside NAME.onnx: its configuration, and the weights of some."""
MAX_CONFIG_BYTES = 1_000_000
"""Of a configuration; that of a voice with 904 speakers has 30,000."""

_SAMPLE_RATE = WholeNumber(4000, 192_000)
_SPEAKERS = WholeNumber(0, 2000)
_MAX_IDS = 8  # of a phoneme; most have one
_ID = WholeNumber(0, 100_000)
_MAX_NAME_CHARACTERS = 60  # of a speaker

_TONES = "2456"  # eSpeak NG's signs of four tones of Vietnamese; the others need none
_ESPEAK_VOICE = re.compile(r"[A-Za-z0-9_+-]{1,40}")
_LANGUAGE = re.compile(
    r"([A-Za-z]{2,3})(?![A-Za-z0-9])(?:[-_]([A-Za-z]{2}|[0-9]{3})(?![A-Za-z0-9]))?"
)


class Scales(NamedTuple):
    """The input `scales` of the network."""

    noise_scale: float = 0.667
    """Variation of the sound."""
    length_scale: float = 1.0
    """2 is half as fast as 1."""
    noise_w: float = 0.8
    """Variation of the rhythm."""

    def changed_by(self, settings: "PiperSettings") -> "Scales":
        """Replace the scales that the user has set."""
        changes = {name: getattr(settings, name) for name in PIPER_SCALES}
        return self._replace(**{name: at for name, at in changes.items() if at is not None})

    def without_noise(self) -> "Scales":
        """Leave out all variation."""
        return self._replace(noise_scale=0.0, noise_w=0.0)


@dataclass(frozen=True)
class PiperSettings(VoiceSettings):
    """The .toml beside a Piper voice; the default of a value is the voice's own."""

    kinds: ClassVar = {**VoiceSettings.kinds, **PIPER_SCALES}

    language: str = ""
    noise_scale: float | None = None
    length_scale: float | None = None
    noise_w: float | None = None


@dataclass(frozen=True)
class PiperConfig:
    """The values that speech needs."""

    sample_rate: int
    """Hz."""
    espeak_voice: str
    """Voice of eSpeak NG that makes the phonemes; "" where the phonemes are letters."""
    language: str
    """BCP 47 tag."""
    ids: Mapping[str, tuple[int, ...]]
    """Ids by phoneme, which is one code point."""
    speakers: Mapping[str, int]
    """Speaker ids by name; empty for a voice of one speaker."""
    scales: Scales

    @property
    def missing_tones(self) -> str:
        """Tones of Vietnamese without an id, by eSpeak NG's signs."""
        is_vietnamese = self.espeak_voice.startswith("vi")
        return "".join(tone for tone in _TONES if is_vietnamese and tone not in self.ids)


def voice_name(file: str, speaker: str) -> str:
    """Name the voice of a speaker; that of a file of one speaker, "", is called like the file."""
    return f"{file}-{speaker}" if speaker else file


def load_config(path: Path) -> PiperConfig:
    """Read a configuration as Piper's releases and other trainers write it.

    Raises:
        ModelError: it is missing, not JSON, incomplete, out of bounds, or of a phoneme type that
            is not supported.
    """
    try:
        content = read_bytes(path, MAX_CONFIG_BYTES)
    except FileNotFoundError:
        raise ModelError(f"{path} is missing; it belongs to the .onnx file") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        if disguise := recognize(content[:512]):
            raise ModelError(f"{path} is {disguise}") from error
        raise ModelError(f"{path} cannot be read: {error!s:.200}") from error
    try:
        return parse_config(_dict(values, "it"))
    except ValueError as error:
        raise ModelError(
            f"{path} is not the configuration of a Piper voice: {error!s:.200}"
        ) from error


def parse_config(values: Mapping[str, Any]) -> PiperConfig:
    """Check the content of a configuration; raise ValueError if it is wrong."""
    espeak_voice = _read_espeak_voice(values)
    ids = {
        symbol: _read_ids(symbol, numbers)
        for symbol, numbers in _dict(values.get("phoneme_id_map"), "phoneme_id_map").items()
    }
    for mark in "^_$":
        if mark not in ids:
            raise ValueError(f"phoneme_id_map has no '{mark}'")
    return PiperConfig(
        sample_rate=_check(
            _dict(values.get("audio"), "audio").get("sample_rate"), _SAMPLE_RATE, "sample_rate"
        ),
        espeak_voice=espeak_voice,
        language=_read_language(values.get("language"), espeak_voice),
        ids=ids,
        speakers=_read_speakers(values),
        scales=_read_scales(values.get("inference")),
    )


def _read_espeak_voice(values: Mapping[str, Any]) -> str:
    """Read the voice of eSpeak NG; "" for letters."""
    written = values.get("phoneme_type", "espeak")  # absent in old files
    kind = str(written).removeprefix("PhonemeType.").lower()  # a member of a Python enumeration
    if kind == "text":
        return ""
    if kind != "espeak":
        raise ValueError(f"phoneme_type is {written!r:.40}; only espeak and text are supported")
    voice = _dict(values.get("espeak"), "espeak").get("voice")
    if not (isinstance(voice, str) and _ESPEAK_VOICE.fullmatch(voice)):
        raise ValueError(f"the voice of espeak is {voice!r:.60}")
    if not load_library().has_voice(voice):
        raise ValueError(f"eSpeak NG has no voice '{voice}'")
    return voice


def _read_language(language: Any, espeak_voice: str) -> str:
    """Make a BCP 47 tag of `language.code`, such as `vi_VN`, else of eSpeak NG's voice."""
    code = language.get("code") if isinstance(language, dict) else None
    matches = (_LANGUAGE.match(tag) for tag in (code, espeak_voice) if isinstance(tag, str))
    match = next(filter(None, matches), None)
    if match is None or match[1].lower() == "vi":  # eSpeak NG's vi-vn-x-south, too
        return "vi-VN"
    return f"{match[1].lower()}-{match[2].upper()}" if match[2] else match[1].lower()


def _read_scales(inference: Any) -> Scales:
    values = _dict(inference or {}, "inference")
    names = [name for name in PIPER_SCALES if values.get(name) is not None]
    return Scales(**{name: _check(values[name], PIPER_SCALES[name], name) for name in names})


def _read_ids(symbol: str, numbers: Any) -> tuple[int, ...]:
    if not (isinstance(numbers, list) and len(numbers) <= _MAX_IDS):
        raise ValueError(f"the ids of {symbol!r:.20} are not a list of up to {_MAX_IDS} numbers")
    return tuple(_check(number, _ID, f"an id of {symbol!r:.20}") for number in numbers)


def _read_speakers(values: Mapping[str, Any]) -> dict[str, int]:
    count = _check(values.get("num_speakers", 1), _SPEAKERS, "num_speakers")
    if count <= 1:
        return {}
    speakers = _dict(values.get("speaker_id_map") or {}, "speaker_id_map")
    for name, number in speakers.items():
        if not (name.isprintable() and 0 < len(name) <= _MAX_NAME_CHARACTERS):
            raise ValueError(f"a speaker's name is {name!a:.80}")
        _check(number, WholeNumber(0, count - 1), f"the id of speaker {name!r}")
    return speakers or {str(number): number for number in range(count)}


def _dict(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        raise ValueError(f"{name} is missing")
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {value!r:.60}, not an object")
    return value


def _check(value: Any, kind: Kind, name: str) -> Any:
    if value is None:
        raise ValueError(f"{name} is missing")
    return check_value(value, kind, name)
