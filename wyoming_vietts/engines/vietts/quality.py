"""Trade-offs between quality and speed; BENCHMARKS.md has the costs and gains of each."""

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Quality:
    """How much work goes into an utterance."""

    solver_steps: int
    """Euler steps of the flow."""

    guidance_every: int
    """n: classifier-free guidance is computed anew at every n-th step."""

    prompt_seconds: float
    """Length of the prompt that the flow is given, and that takes part in every step."""

    int8_lm: bool
    """Whether the language model's weights are 8-bit integers, on a CPU."""

    half_flow: bool
    """Whether the flow computes in bf16 on a CPU that is faster in it."""


QUALITIES = {
    "exact": Quality(10, 1, prompt_seconds=math.inf, int8_lm=False, half_flow=False),
    "balanced": Quality(5, 1, prompt_seconds=2.0, int8_lm=True, half_flow=True),
    "fast": Quality(4, 2, prompt_seconds=1.5, int8_lm=True, half_flow=True),
}


def default_quality(device: torch.device) -> str:
    """Choose a key of `QUALITIES` for a device: a CPU has to save work."""
    return "balanced" if device.type == "cpu" else "exact"
