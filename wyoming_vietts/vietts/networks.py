"""The three networks of a model directory, loaded together."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from .config import ModelConfig, load_config
from .flow import Flow
from .hift import HiFT
from .int8 import Int8Linear, use_int8
from .layers import Conv1d, Linear
from .lm import SpeechLM
from .weights import fingerprint, load_converted, load_published, save_converted, source_of

_LOGGER = logging.getLogger(__name__)

PARTS = {
    "llm": (torch.float32, torch.int8),
    "flow": (torch.float32, torch.bfloat16),
    "hift": (torch.float32,),
}
"""The published files, and in which types of number `convert` writes each."""


@dataclass(frozen=True)
class Networks:
    """Loaded networks; nothing of an utterance is kept on them."""

    config: ModelConfig
    lm: SpeechLM
    flow: Flow
    hift: HiFT


def load_networks(
    model_dir: Path, device: torch.device, lm_dtype: torch.dtype, flow_dtype: torch.dtype
) -> Networks:
    """Load a model directory; the vocoder, small and the last to touch the sound, in fp32.

    Args:
        lm_dtype: fp32, bf16 or, on a CPU, int8, which is for the weights alone.
        flow_dtype: fp32 or bf16.

    Raises:
        ConfigError: config.yaml cannot be used.
        WeightsError: a weights file cannot be used.
    """
    config = load_config(model_dir / "config.yaml")
    lm, flow, hift = empty_networks(config)
    _load(lm, model_dir, "llm", lm_dtype)
    _load(flow, model_dir, "flow", flow_dtype)
    _load(hift, model_dir, "hift", torch.float32)
    for network in (lm, flow, hift):
        network.to(device)
    hift.prepare()
    if device.type == "cpu":
        for network in (lm, flow, hift):
            _pack(network)
    lm.prepare()
    return Networks(config, lm, flow, hift)


def _load(network: nn.Module, model_dir: Path, part: str, dtype: torch.dtype) -> None:
    """Give an empty network its weights; those not in fp32 are computed once and kept in a file."""
    converted = _converted_file(model_dir, part, dtype)
    source = _source(model_dir, part)
    if converted.exists() and source in (None, source_of(converted)):
        _set_type(network, dtype)
        load_converted(network, converted)
    elif dtype == torch.float32:
        load_published(network, _published_file(model_dir, part), part)
    else:
        _load(network, model_dir, part, torch.float32)
        _set_type(network, dtype)
        try:
            save_converted(network, converted, source)
        except OSError as error:
            _LOGGER.warning("Made again at each start: cannot write %s: %s", converted, error)


def _source(model_dir: Path, part: str) -> str | None:
    """The fingerprint of the published file; without that, what the converted one says, if any."""
    published = _published_file(model_dir, part)
    if published.exists():
        return fingerprint(published)
    in_fp32 = _converted_file(model_dir, part, torch.float32)
    return source_of(in_fp32) if in_fp32.exists() else None


def _set_type(network: nn.Module, dtype: torch.dtype) -> None:
    if dtype == torch.int8:
        assert isinstance(network, SpeechLM)
        use_int8(network)
    else:
        network.to(dtype)


def _published_file(model_dir: Path, part: str) -> Path:
    return model_dir / f"{part}.pt"


def _converted_file(model_dir: Path, part: str, dtype: torch.dtype) -> Path:
    kind = {torch.float32: "", torch.bfloat16: "-bf16", torch.int8: "-int8"}[dtype]
    return model_dir / f"{part}{kind}.safetensors"


def _pack(network: nn.Module) -> None:
    """Bring its weights into the order that the processor reads them in.

    Not those for positions, which are needed seldom, and then for so many that it gains nothing.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, Linear | Int8Linear | Conv1d) and not name.endswith(".position"):
            layer.pack()


def convert(model_dir: Path) -> list[Path]:
    """Write what a start on a CPU would compute beside the published files, as safetensors.

    Returns the paths.
    """
    networks: Iterable[nn.Module] = empty_networks(load_config(model_dir / "config.yaml"))
    paths = []
    for (part, dtypes), network in zip(PARTS.items(), networks, strict=True):
        published = _published_file(model_dir, part)
        load_published(network, published, part)
        for dtype in dtypes:
            _set_type(network, dtype)
            paths.append(_converted_file(model_dir, part, dtype))
            save_converted(network, paths[-1], fingerprint(published))
    return paths


def empty_networks(config: ModelConfig) -> tuple[SpeechLM, Flow, HiFT]:
    """The networks on the meta device: shapes and names, no memory."""
    with torch.device("meta"):
        return SpeechLM(config.lm), Flow(config.flow), HiFT(config.hift)
