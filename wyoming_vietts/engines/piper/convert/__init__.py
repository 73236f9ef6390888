"""Converts published voices of other formats to Piper voices, when they are downloaded.

manifest.json, weights.fp16.bin, piper-phoneme-config.json  ->  NAME.onnx.json, NAME.onnx
"""

import json
from collections.abc import Mapping

from ....errors import ModelError
from ..config import parse_config
from .network import encode_network
from .package import Package


def convert_sano(name: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Convert a sanoTTS voice of the format `roota.raw-fp16.v1`.

    Args:
        name: of the voice that is made.
        files: the content of the published files by name.

    Returns:
        The content of our files by name; the last one makes the voice complete.

    Raises:
        ModelError: the files do not fit each other, or are of another kind.
    """
    try:
        package = Package.read(files)
        config = _config(package)
        parse_config(config)
        network = encode_network(package)
    except ValueError as error:
        raise ModelError(f"{name} cannot be converted: {error!s:.300}") from error
    return {
        f"{name}.onnx.json": json.dumps(config, ensure_ascii=False).encode(),
        f"{name}.onnx": network,
    }


def _config(package: Package) -> dict[str, object]:
    """Configure the voice as Piper does: nothing is drawn at random."""
    return {
        "audio": {"sample_rate": package.sample_rate},
        "espeak": package.phonemes.get("espeak"),
        "language": {"code": "vi_VN"},
        "inference": {"noise_scale": 0.0, "length_scale": package.length_scale, "noise_w": 0.0},
        "phoneme_type": "espeak",
        "phoneme_id_map": package.phonemes.get("phoneme_id_map"),
        "num_speakers": 1,
    }
