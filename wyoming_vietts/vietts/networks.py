"""The three networks of a model directory, loaded together."""

from dataclasses import dataclass
from pathlib import Path

import torch

from .config import ModelConfig, load_config
from .flow import Flow
from .hift import HiFT
from .lm import SpeechLM
from .weights import PARTS, load_weights, save_converted


@dataclass(frozen=True)
class Networks:
    """Loaded networks; nothing of an utterance is kept on them."""

    config: ModelConfig
    lm: SpeechLM
    flow: Flow
    hift: HiFT


def load_networks(model_dir: Path, device: torch.device, dtype: torch.dtype) -> Networks:
    """Load a model directory.

    Args:
        dtype: of language model and flow.  The vocoder, small and the last to touch the sound,
            stays in fp32.

    Raises:
        ConfigError: config.yaml cannot be used.
        WeightsError: a weights file cannot be used.
    """
    config = load_config(model_dir / "config.yaml")
    lm, flow, hift = empty_networks(config)
    load_weights(lm, model_dir, "llm", device, dtype)
    load_weights(flow, model_dir, "flow", device, dtype)
    load_weights(hift, model_dir, "hift", device, torch.float32)
    lm.prepare()
    return Networks(config, lm, flow, hift)


def convert(model_dir: Path) -> list[Path]:
    """Write llm.safetensors, flow.safetensors and hift.safetensors beside the published files.

    They start faster: nothing is left to be computed.  Returns their paths.
    """
    networks = empty_networks(load_config(model_dir / "config.yaml"))
    paths = []
    for part, network in zip(PARTS, networks, strict=True):
        load_weights(network, model_dir, part, torch.device("cpu"), torch.float32)
        paths.append(model_dir / f"{part}.safetensors")
        save_converted(network, paths[-1])
    return paths


def empty_networks(config: ModelConfig) -> tuple[SpeechLM, Flow, HiFT]:
    """The networks on the meta device: shapes and names, no memory."""
    with torch.device("meta"):
        return SpeechLM(config.lm), Flow(config.flow), HiFT(config.hift)
