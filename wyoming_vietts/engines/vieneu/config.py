"""Reads `config.json` and `constants.npz` of a VieNeu-TTS v3 Nano model."""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ModelError
from ...files import read_bytes, recognize
from ...settings.values import Kind, Number, WholeNumber, check_value

Floats = npt.NDArray[np.float32]

SAMPLE_RATE = 24_000
BLOCK_SAMPLES = 1536
FRAME_CHANNELS, GROUP = 24, 6
BLOCK_CHANNELS = FRAME_CHANNELS * GROUP
"""Channels of a block of six frames: for each channel of a frame, those of all six."""
SPEAKER_SHAPE, STYLE_SHAPE = (192,), (50, 256)

_BLOCKS_PER_SECOND, _MAX_REFERENCE_BLOCKS = SAMPLE_RATE / BLOCK_SAMPLES, 140  # if it is not said
_MAX_CONFIG_BYTES, _MAX_CONSTANTS_BYTES = 1_000_000, 1_000_000
_ID = WholeNumber(0, 100_000)
_MAX_SYMBOLS = 10_000
_SHAPES: Mapping[str, tuple[int, ...]] = {
    "null_spk": SPEAKER_SHAPE,
    "null_style": STYLE_SHAPE,
    "latent_mean": (FRAME_CHANNELS,),
    "latent_std": (FRAME_CHANNELS,),
    "latent_scale": (),
}


@dataclass(frozen=True)
class SpeakerFeatures:
    """The features of a voice."""

    speaker: Floats
    """[192]: an x-vector."""
    style: Floats
    """[50, 256]: style tokens."""

    def check(self) -> None:
        """Raise ValueError if the model does not take these shapes or values."""
        for name, values, shape in (
            ("speaker embedding", self.speaker, SPEAKER_SHAPE),
            ("style", self.style, STYLE_SHAPE),
        ):
            if values.shape != shape:
                raise ValueError(f"its {name} has the shape {[*values.shape]}, not {[*shape]}")
            if not np.isfinite(values).all():
                raise ValueError(f"its {name} has values that are not numbers")


@dataclass(frozen=True)
class VieNeuConfig:
    """The values that speech and enrolment need."""

    ids: Mapping[str, int]
    """Ids by phoneme, which is one code point."""
    bos_id: int
    eos_id: int
    blocks_per_second: float
    max_reference_blocks: int
    nobody: SpeakerFeatures
    """The unconditional voice of classifier-free guidance."""
    latent_mean: Floats
    """[24]."""
    latent_std: Floats
    """[24]."""
    latent_scale: float


def load_config(folder: Path) -> VieNeuConfig:
    """Read the configuration of a model.

    Raises:
        ModelError: a file is missing, damaged, or of another model; the message says which.
    """
    path = folder / "config.json"
    content = _read(path, _MAX_CONFIG_BYTES)
    try:
        values = json.loads(content)
        if not isinstance(values, dict):
            raise ValueError("it is not an object")
        constants = _read_constants(folder / "constants.npz")
        ids = _read_ids(values.get("vocab"))
        return VieNeuConfig(
            ids=ids,
            bos_id=_check(values, "bos_id", _ID),
            eos_id=_check(values, "eos_id", _ID),
            blocks_per_second=_check(values, "flow_fps", Number(1.0, 100.0), _BLOCKS_PER_SECOND),
            max_reference_blocks=_check(
                values, "ref_max_frames", WholeNumber(1, 1000), _MAX_REFERENCE_BLOCKS
            ),
            nobody=SpeakerFeatures(constants["null_spk"], constants["null_style"]),
            latent_mean=constants["latent_mean"],
            latent_std=constants["latent_std"],
            latent_scale=float(constants["latent_scale"]),
        )
    except (ValueError, RecursionError) as error:
        if disguise := recognize(content[:512]):
            raise ModelError(f"{path} is {disguise}") from error
        raise ModelError(
            f"{path} is not the configuration of a VieNeu model: {error!s:.200}"
        ) from error


def _read_ids(vocabulary: Any) -> dict[str, int]:
    if not (isinstance(vocabulary, dict) and 0 < len(vocabulary) <= _MAX_SYMBOLS):
        raise ValueError("vocab is not a table of symbols and ids")
    for symbol, number in vocabulary.items():
        check_value(number, _ID, f"the id of {symbol!r:.20}")
    return {symbol: number for symbol, number in vocabulary.items() if len(symbol) == 1}


def _read_constants(path: Path) -> dict[str, Floats]:
    """Read the constants of a model; raise ModelError if they are missing or damaged."""
    content = _read(path, _MAX_CONSTANTS_BYTES)
    try:
        arrays = read_arrays(content, _SHAPES)
        if not (arrays["latent_std"] > 0).all():
            raise ValueError("latent_std has values that are not positive")
    except ValueError as error:
        reason = recognize(content[:512]) if content[:2] != b"PK" else None
        raise ModelError(
            f"{path} is {reason}" if reason else f"{path} cannot be read: {error!s:.200}"
        ) from error
    return arrays


def read_arrays(content: bytes, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Floats]:
    """Read an archive of NumPy arrays.

    Raises:
        ValueError: it is damaged, or an array is missing, of another shape, or no number.
    """
    arrays: dict[str, Floats] = {}
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for name, shape in shapes.items():
                member = archive.getinfo(f"{name}.npy")
                if member.file_size > _MAX_CONSTANTS_BYTES:
                    raise ValueError(f"{name} has {member.file_size:,} bytes")
                array = np.lib.format.read_array(BytesIO(archive.read(member)), allow_pickle=False)
                if array.shape != shape or array.dtype.kind != "f":
                    raise ValueError(f"{name} is {[*array.shape]} of {array.dtype}")
                if not np.isfinite(array).all():
                    raise ValueError(f"{name} has values that are not numbers")
                arrays[name] = array.astype(np.float32)
    except (KeyError, MemoryError, OSError, zipfile.BadZipFile, RuntimeError, SyntaxError,
            zlib.error) as error:  # fmt: skip
        # SyntaxError: of an array's header; RuntimeError: of an encrypted archive.
        raise ValueError(f"{error!s:.200}") from error
    return arrays


def _read(path: Path, most: int) -> bytes:
    try:
        return read_bytes(path, most)
    except FileNotFoundError:
        raise ModelError(f"{path} is missing; it belongs to the VieNeu model") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def _check(values: Mapping[str, Any], name: str, kind: Kind, default: Any = None) -> Any:
    value = values.get(name, default)
    if value is None:
        raise ValueError(f"{name} is missing")
    return check_value(value, kind, name)
