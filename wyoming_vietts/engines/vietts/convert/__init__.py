"""Converts a published model, once, into files that are quick to load.

    config.yaml              -> config.json
    llm.pt, flow.pt, hift.pt -> safetensors, in the number types that are needed

Each file states the fingerprint of its source: a published file that has been replaced is converted
again, and one that has been deleted is no longer needed.
"""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ....errors import ModelError
from ....files import explain, remove_leftovers
from ....steps import Steps, finish
from ..device import choose_device, flow_type, lm_type
from ..model.config import CONFIG, config_source, read_config, write_config
from ..model.weights import load_weights, set_type, weights_file, weights_source, write_weights
from ..networks.config import ModelConfig
from ..networks.networks import empty_networks
from ..quality import QUALITIES, default_quality
from .published_weights import load_published

_LOGGER = logging.getLogger(__name__)

PREPARED_TYPES = {
    "llm": (torch.float32, torch.int8),
    "flow": (torch.float32, torch.bfloat16, torch.int8),
    "hift": (torch.float32,),
}
"""The number types in which `prepare` writes each of the networks."""

_PUBLISHED_CONFIG = "config.yaml"
_DIRECTORY_BYTES = 1 << 20  # at the end of a .pt file, about 60 for each tensor


def load_config(model_dir: Path) -> ModelConfig:
    """Read the configuration of a model directory; convert it first unless that is up to date.

    Raises:
        ModelError: it is missing or cannot be used.
    """
    converted = _convert_config(model_dir)
    if converted is None:
        return read_config(model_dir)
    config, source = converted
    try:
        write_config(config, model_dir, source)
    except OSError as error:
        _warn(model_dir / CONFIG, error)
    return config


def convert_weights(
    model_dir: Path, config: ModelConfig, part: str, dtype: torch.dtype
) -> Steps[Mapping[str, Tensor] | None]:
    """Write the weights of a network in a number type unless they are up to date.

    Pauses after each layer, and after every few megabytes that are written.

    Args:
        part: a key of `PREPARED_TYPES`.

    Returns:
        The weights if they cannot be written, else None.

    Raises:
        ModelError: the published file is missing or cannot be used.
    """
    path = weights_file(model_dir, part, dtype)
    remove_leftovers(path)
    source = _weights_source(model_dir, part)
    if _is_current(path, source):
        return None
    _LOGGER.info("Converting to %s: only the first start takes this long", path.name)
    network = yield from _convert_weights(model_dir, config, part, dtype)
    try:
        # Another server that shares the folder may have written, and mapped, the file.
        if not _is_current(path, source):
            yield from write_weights(network.state_dict(), path, source)
    except OSError as error:
        _warn(path, error)
        return network.state_dict()
    return None


def convert_for_this_machine(model_dir: Path) -> None:
    """Write what a first start with default settings would write, or raise ModelError."""
    device = choose_device("auto")
    quality = QUALITIES[default_quality(device)]
    types = {
        "llm": lm_type(device, quality.int8_lm),
        "flow": flow_type(device, quality.reduced_flow),
        "hift": torch.float32,
    }
    config = load_config(model_dir)
    for part, dtype in types.items():
        finish(convert_weights(model_dir, config, part, dtype))


def prepare(model_dir: Path, delete_published: bool = False) -> list[Path]:
    """Write all files that a start on a CPU may need; weights even if they are up to date.

    Args:
        delete_published: then delete config.yaml, llm.pt, flow.pt and hift.pt.

    Returns:
        The files written.

    Raises:
        ModelError: the model cannot be used.
        OSError: a file cannot be written.
    """
    if (converted := _convert_config(model_dir)) is not None:
        config, source = converted
        write_config(config, model_dir, source)
    config, paths = read_config(model_dir), [model_dir / CONFIG]
    for part, dtypes in PREPARED_TYPES.items():
        origin = _weights_source(model_dir, part)
        for dtype in dtypes:
            paths.append(weights_file(model_dir, part, dtype))
            network = finish(_convert_weights(model_dir, config, part, dtype))
            finish(write_weights(network.state_dict(), paths[-1], origin))
    if delete_published:
        _delete_published(model_dir)
    return paths


def _delete_published(model_dir: Path) -> None:
    """Delete the published files; raise ModelError if one has been replaced since."""
    published = [_published_weights(model_dir, part) for part in PREPARED_TYPES]
    is_current = _convert_config(model_dir) is None and all(
        _is_current(weights_file(model_dir, part, torch.float32), _fingerprint(path))
        for part, path in zip(PREPARED_TYPES, published, strict=True)
    )
    if not is_current:
        raise ModelError(f"A published file in {model_dir} has just been replaced; prepare again")
    for path in (model_dir / _PUBLISHED_CONFIG, *published):
        path.unlink(missing_ok=True)


def _convert_config(model_dir: Path) -> tuple[ModelConfig, str | None] | None:
    """Read config.yaml, unless config.json was made from it; also return its fingerprint."""
    published = model_dir / _PUBLISHED_CONFIG
    source = _fingerprint(published)
    if (model_dir / CONFIG).is_file() and source in (None, config_source(model_dir)):
        return None
    from .published_config import read_published_config  # most starts do without yaml

    return read_published_config(published), source


def _convert_weights(
    model_dir: Path, config: ModelConfig, part: str, dtype: torch.dtype
) -> Steps[nn.Module]:
    """Make a network from the published weights or, without them, from those in fp32."""
    network = empty_networks(config).parts[part]
    yield
    published = _published_weights(model_dir, part)
    in_fp32 = weights_file(model_dir, part, torch.float32)
    if in_fp32.exists() and not published.exists():
        yield from load_weights(network, in_fp32)
    else:
        yield from load_published(network, published, part)
    yield from set_type(network, dtype)
    return network


# --- sources -------------------------------------------------------------------------------------


def _published_weights(model_dir: Path, part: str) -> Path:
    return model_dir / f"{part}.pt"


def _weights_source(model_dir: Path, part: str) -> str | None:
    """Return the fingerprint of a network's published file, even if only its fp32 file is left."""
    in_fp32 = weights_file(model_dir, part, torch.float32)
    source = _fingerprint(_published_weights(model_dir, part))
    return weights_source(in_fp32) if source is None and in_fp32.exists() else source


def _is_current(path: Path, source: str | None) -> bool:
    return path.exists() and source in (None, weights_source(path))


def _fingerprint(published: Path) -> str | None:
    """Identify a published file by its content; None if there is none.

    The hash of its end is enough: a .pt file is a zip file, and all checksums are there.
    """
    if not published.exists():
        return None
    if not published.is_file():
        raise ModelError(f"{published} is not a regular file")
    with published.open("rb") as file:
        file.seek(max(0, published.stat().st_size - _DIRECTORY_BYTES))
        return hashlib.sha256(file.read()).hexdigest()


def _warn(path: Path, error: OSError) -> None:
    reason = explain(error)
    _LOGGER.warning("Cannot write %s, so every start converts it again: %s", path, reason)
