"""The networks of a model directory, and the files that make the next start quicker."""

import logging
from pathlib import Path

import torch
from torch import nn

from ....errors import DeviceError
from ....steps import Steps, finish
from ..convert.published_config import load_config
from ..convert.published_weights import fingerprint, read_published, translate
from ..cpu import optimize
from ..cpu.int8 import use_int8
from ..cpu.memory import forget_copied
from ..networks.lm import SpeechLM, tabulate_speech_inputs
from ..networks.networks import Networks, empty_networks
from .weights import check_likeness, read_safetensors, save_prepared, source_of

_LOGGER = logging.getLogger(__name__)

PREPARED_TYPES = {
    "llm": (torch.float32, torch.int8),
    "flow": (torch.float32, torch.bfloat16),
    "hift": (torch.float32,),
}
"""The number types in which `prepare` writes each of the networks."""


@torch.inference_mode(False)  # the same tensors, whether a start or a request waits for them
def load_networks(
    model_dir: Path, device: torch.device, lm_dtype: torch.dtype, flow_dtype: torch.dtype
) -> Steps[Networks]:
    """Load a model directory and make it fast on its device; see `load_plain_networks`."""
    networks = yield from load_plain_networks(model_dir, device, lm_dtype, flow_dtype)
    if device.type == "cpu":
        yield from optimize(networks)
    yield from tabulate_speech_inputs(networks.lm)
    return networks


def load_plain_networks(
    model_dir: Path, device: torch.device, lm_dtype: torch.dtype, flow_dtype: torch.dtype
) -> Steps[Networks]:
    """Load a model directory into the networks as they are defined, without optimizing them.

    The vocoder is always in fp32: it is small, and the last to touch the sound. Pauses after each
    layer, but for a file that has to be prepared, which is written at once.

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
    yield
    for part, network in networks.parts.items():
        yield from _load(network, model_dir, part, types[part])
    if device.type != "cpu":
        yield from _move(networks, device)
    return networks


def _load(network: nn.Module, model_dir: Path, part: str, dtype: torch.dtype) -> Steps[None]:
    """Give an empty network its weights; those not in fp32 are computed once and kept in a file.

    A prepared file is used in place of the published one that it was made from, or if there is
    no published one anymore.
    """
    prepared = _prepared_file(model_dir, part, dtype)
    source = _source(model_dir, part)
    if prepared.exists() and source in (None, source_of(prepared)):
        yield from _set_type(network, dtype)
        state = yield from read_safetensors(prepared)
        check_likeness(network, state, prepared)
        _assign(network, state)
        yield
    elif dtype == torch.float32:
        yield from load_published(network, _published_file(model_dir, part), part)
    else:
        _LOGGER.info("Preparing %s: only the first start takes this long", prepared.name)
        yield from _load(network, model_dir, part, torch.float32)
        yield from _set_type(network, dtype)
        try:
            # A server that shares the folder may have been quicker, and may be using its file.
            if not (prepared.exists() and source_of(prepared) == source):
                save_prepared(network, prepared, source)
        except OSError as error:
            _LOGGER.warning("Cannot write %s, so each start makes it again: %s", prepared, error)
        yield


def load_published(network: nn.Module, path: Path, part: str) -> Steps[None]:
    """Give an empty network the published weights of ``part``, in fp32.

    Raises:
        WeightsError: the file is missing or unusable, or a tensor is missing, unknown or of
            the wrong shape.
    """
    published = read_published(path)
    yield
    _assign(network, (yield from translate(network, part, published, path)))
    yield
    forget_copied(published.values(), network)
    yield


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


def _set_type(network: nn.Module, dtype: torch.dtype) -> Steps[None]:
    if dtype == torch.int8:
        assert isinstance(network, SpeechLM)
        yield from use_int8(network)
    else:
        yield from _convert(network, dtype)


def _move(networks: Networks, device: torch.device) -> Steps[None]:
    try:
        for network in networks.parts.values():
            yield from _convert(network, device)
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"The model does not fit into the memory of {device}") from error


def _convert(network: nn.Module, to: torch.dtype | torch.device) -> Steps[None]:
    """Call `network.to`, with a pause after each layer."""
    for layer in network.modules():
        if next(layer.children(), None) is None:
            layer.to(to)
            yield
    network.to(to)  # what is no layer's own


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
        finish(load_published(network, published, part))
        for dtype in PREPARED_TYPES[part]:
            finish(_set_type(network, dtype))
            paths.append(_prepared_file(model_dir, part, dtype))
            save_prepared(network, paths[-1], fingerprint(published))
    return paths
