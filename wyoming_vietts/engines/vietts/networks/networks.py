"""The three networks together."""

from dataclasses import dataclass

import torch
from torch import nn

from .config import ModelConfig
from .flow import Flow
from .hift import HiFT
from .lm import SpeechLM


@dataclass(frozen=True)
class Networks:
    """Loaded networks; they hold no state of any utterance."""

    config: ModelConfig
    lm: SpeechLM
    flow: Flow
    hift: HiFT

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The networks by the names of their weights files."""
        return {"llm": self.lm, "flow": self.flow, "hift": self.hift}


def empty_networks(config: ModelConfig) -> Networks:
    """Make networks on the meta device: names and shapes, no memory."""
    with torch.device("meta"):
        return Networks(config, SpeechLM(config.lm), Flow(config.flow), HiFT(config.hift))
