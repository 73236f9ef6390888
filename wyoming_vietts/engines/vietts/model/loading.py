"""The networks of a model directory."""

from pathlib import Path

import torch
from torch import nn

from ....errors import SetupError
from ....steps import Steps
from .. import cpu, gpu
from ..convert import convert_weights, load_config
from ..networks.config import ModelConfig
from ..networks.lm import tabulate_speech_inputs
from ..networks.networks import Networks, empty_networks
from .weights import assign, convert_layers, load_weights, set_type, weights_file


@torch.inference_mode(False)  # the same tensors, whether a start or a request waits for them
def load_networks(
    model_dir: Path, device: torch.device, lm_dtype: torch.dtype, flow_dtype: torch.dtype
) -> Steps[Networks]:
    """Load a model directory and make it fast on its device; see `load_plain_networks`."""
    networks = yield from load_plain_networks(model_dir, device, lm_dtype, flow_dtype)
    if device.type == "cpu":
        yield from cpu.optimize(networks)
    elif device.type == "cuda":
        yield from gpu.optimize(networks)
    yield from tabulate_speech_inputs(networks.lm)
    return networks


def load_plain_networks(
    model_dir: Path, device: torch.device, lm_dtype: torch.dtype, flow_dtype: torch.dtype
) -> Steps[Networks]:
    """Load a model directory into the networks as they are defined, without optimizing them.

    A published model is converted first. The vocoder is always in fp32: it is small, and decides on
    the sound. Pauses after each layer.

    Args:
        lm_dtype: fp32, bf16 or, on a CPU, int8, which applies to the weights only.
        flow_dtype: fp32, bf16 or, on a CPU, int8.

    Raises:
        ModelError: the configuration or a weights file cannot be used.
        SetupError: the device has too little memory.
    """
    networks = empty_networks(load_config(model_dir))
    types = {"llm": lm_dtype, "flow": flow_dtype, "hift": torch.float32}
    yield
    for part, network in networks.parts.items():
        yield from _load(network, model_dir, networks.config, part, types[part])
    if device.type != "cpu":
        yield from _move(networks, device)
    return networks


def _load(
    network: nn.Module, model_dir: Path, config: ModelConfig, part: str, dtype: torch.dtype
) -> Steps[None]:
    unwritten = yield from convert_weights(model_dir, config, part, dtype)
    yield from set_type(network, dtype)
    if unwritten is None:
        yield from load_weights(network, weights_file(model_dir, part, dtype))
    else:
        assign(network, unwritten)
        yield


def _move(networks: Networks, device: torch.device) -> Steps[None]:
    try:
        for network in networks.parts.values():
            yield from convert_layers(network, device)
    except torch.OutOfMemoryError as error:
        raise SetupError(f"The model does not fit into the memory of {device}") from error
