"""The three networks of a model directory, loaded together."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from .config import ModelConfig, load_config
from .flow import Flow
from .hift import HiFT
from .int8 import INT8_FILE, Int8Linear, load_int8_lm, use_int8
from .layers import Conv1d, Linear
from .lm import SpeechLM
from .weights import PARTS, load_weights, save_converted


@dataclass(frozen=True)
class Networks:
    """Loaded networks; nothing of an utterance is kept on them."""

    config: ModelConfig
    lm: SpeechLM
    flow: Flow
    hift: HiFT


def load_networks(
    model_dir: Path,
    device: torch.device,
    lm_dtype: torch.dtype,
    flow_dtype: torch.dtype,
    int8_lm: bool = False,
) -> Networks:
    """Load a model directory; the vocoder, small and the last to touch the sound, in fp32.

    Args:
        int8_lm: give the language model 8-bit weights; on a CPU only.

    Raises:
        ConfigError: config.yaml cannot be used.
        WeightsError: a weights file cannot be used.
    """
    config = load_config(model_dir / "config.yaml")
    lm, flow, hift = empty_networks(config)
    if int8_lm:
        load_int8_lm(lm, model_dir)
    else:
        load_weights(lm, model_dir, "llm", device, lm_dtype)
    load_weights(flow, model_dir, "flow", device, flow_dtype)
    load_weights(hift, model_dir, "hift", device, torch.float32)
    flow.unet.prepare()
    hift.prepare()
    if device.type == "cpu":
        for network in (lm, flow, hift):
            _pack(network)
    lm.prepare()
    return Networks(config, lm, flow, hift)


def _pack(network: nn.Module) -> None:
    """Pack its layers, several at a time: a core packs one, and a start waits for all."""
    kinds = (Linear, Int8Linear, Conv1d)
    layers = [layer for layer in network.modules() if isinstance(layer, kinds)]
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        for _ in threads.map(lambda layer: layer.pack(), layers):
            pass


def convert(model_dir: Path) -> list[Path]:
    """Write what a start would compute beside the published files, as safetensors.

    The three networks, and the language model once more with 8-bit weights.  Returns the paths.
    """
    networks = empty_networks(load_config(model_dir / "config.yaml"))
    paths = []
    for part, network in zip(PARTS, networks, strict=True):
        load_weights(network, model_dir, part, torch.device("cpu"), torch.float32)
        paths.append(model_dir / f"{part}.safetensors")
        save_converted(network, paths[-1])
    lm = networks[0]
    use_int8(lm)
    paths.append(model_dir / INT8_FILE)
    save_converted(lm, paths[-1])
    return paths


def empty_networks(config: ModelConfig) -> tuple[SpeechLM, Flow, HiFT]:
    """The networks on the meta device: shapes and names, no memory."""
    with torch.device("meta"):
        return SpeechLM(config.lm), Flow(config.flow), HiFT(config.hift)
