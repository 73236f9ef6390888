"""The networks of a model directory, and the files that make the next start quicker."""

import logging
from pathlib import Path

import torch
from torch import nn

from ....errors import DeviceError
from ..cpu import optimize
from ..cpu.int8 import use_int8
from ..cpu.memory import forget_copied
from ..networks.lm import SpeechLM, tabulate_speech_inputs
from ..networks.networks import Networks, empty_networks
from .config import load_config
from .weights import (
    check_likeness,
    fingerprint,
    read_published,
    read_safetensors,
    save_prepared,
    source_of,
    translate,
)

_LOGGER = logging.getLogger(__name__)

PREPARED_TYPES = {
    "llm": (torch.float32, torch.int8),
    "flow": (torch.float32, torch.bfloat16),
    "hift": (torch.float32,),
}
"""The number types in which `prepare` writes each of the networks."""


def load_networks(
    model_dir: Path, device: torch.device, lm_dtype: torch.dtype, flow_dtype: torch.dtype
) -> Networks:
    """Load a model directory and make it fast on its device; see `load_plain_networks`."""
    networks = load_plain_networks(model_dir, device, lm_dtype, flow_dtype)
    if device.type == "cpu":
        optimize(networks)
    tabulate_speech_inputs(networks.lm)
    return networks


def load_plain_networks(
    model_dir: Path, device: torch.device, lm_dtype: torch.dtype, flow_dtype: torch.dtype
) -> Networks:
    """Load a model directory into the networks as they are defined, without optimizing them.

    The vocoder is always in fp32: it is small, and the last to touch the sound.

    Args:
        lm_dtype: fp32, bf16 or, on a CPU, int8, which applies to the weights only.
        flow_dtype: fp32 or bf16.

    Raises:
        ConfigError: config.yaml cannot be used.
        WeightsError: a weights file cannot be used.
        DeviceError: the device has too little memory.
    """
    networks = empty_networks(load_config(model_dir / "config.yaml"))
    types = {"llm": lm_dtype, "flow": flow_dtype, "hift": torch.float32}
    for part, network in networks.parts.items():
        _load(network, model_dir, part, types[part])
    try:
        for network in networks.parts.values():
            network.to(device)
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"The model does not fit into the memory of {device}") from error
    return networks


def _load(network: nn.Module, model_dir: Path, part: str, dtype: torch.dtype) -> None:
    """Give an empty network its weights; those not in fp32 are computed once and kept in a file.

    A prepared file is used in place of the published one that it was made from, or if there is
    no published one anymore.
    """
    prepared = _prepared_file(model_dir, part, dtype)
    source = _source(model_dir, part)
    if prepared.exists() and source in (None, source_of(prepared)):
        _set_type(network, dtype)
        state = read_safetensors(prepared)
        check_likeness(network, state, prepared)
        _assign(network, state)
    elif dtype == torch.float32:
        load_published(network, _published_file(model_dir, part), part)
    else:
        _LOGGER.info("Preparing %s: only the first start takes this long", prepared.name)
        _load(network, model_dir, part, torch.float32)
        _set_type(network, dtype)
        try:
            # A server that shares the folder may have been quicker, and may be using its file.
            if not (prepared.exists() and source_of(prepared) == source):
                save_prepared(network, prepared, source)
        except OSError as error:
            _LOGGER.warning("Cannot write %s, so each start makes it again: %s", prepared, error)


def load_published(network: nn.Module, path: Path, part: str) -> None:
    """Give an empty network the published weights of ``part``, in fp32.

    Raises:
        WeightsError: the file is missing or unusable, or a tensor is missing, unknown or of
            the wrong shape.
    """
    published = read_published(path)
    _assign(network, translate(network, part, published, path))
    forget_copied(published.values(), network)


def _assign(network: nn.Module, state: dict[str, torch.Tensor]) -> None:
    network.load_state_dict(state, strict=True, assign=True)
    network.requires_grad_(False).eval()


def _source(model_dir: Path, part: str) -> str | None:
    """The fingerprint of the published file; if it is gone, the one in a prepared file, if any."""
    published = _published_file(model_dir, part)
    if published.exists():
        return fingerprint(published)
    in_fp32 = _prepared_file(model_dir, part, torch.float32)
    return source_of(in_fp32) if in_fp32.exists() else None


def _set_type(network: nn.Module, dtype: torch.dtype) -> None:
    if dtype == torch.int8:
        assert isinstance(network, SpeechLM)
        use_int8(network)
    else:
        network.to(dtype)


def _published_file(model_dir: Path, part: str) -> Path:
    return model_dir / f"{part}.pt"


def _prepared_file(model_dir: Path, part: str, dtype: torch.dtype) -> Path:
    kind = {torch.float32: "", torch.bfloat16: "-bf16", torch.int8: "-int8"}[dtype]
    return model_dir / f"{part}{kind}.safetensors"


def prepare(model_dir: Path) -> list[Path]:
    """Compute what a first start on a CPU would, and write it beside the published files.

    Returns:
        The files written.

    Raises:
        ConfigError, WeightsError: the model cannot be used.
        OSError: a file cannot be written.
    """
    paths = []
    networks = empty_networks(load_config(model_dir / "config.yaml"))
    for part, network in networks.parts.items():
        published = _published_file(model_dir, part)
        load_published(network, published, part)
        for dtype in PREPARED_TYPES[part]:
            _set_type(network, dtype)
            paths.append(_prepared_file(model_dir, part, dtype))
            save_prepared(network, paths[-1], fingerprint(published))
    return paths
