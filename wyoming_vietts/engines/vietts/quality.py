"""Trade-offs between quality and speed; see BENCHMARKS.md."""

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Quality:
    """The amount of work for an utterance."""

    solver_steps: int
    """Euler steps of the flow."""

    guidance_every: int
    """n to compute classifier-free guidance anew at every n-th step."""

    prompt_seconds: float
    """Length of the flow's prompt, which takes part in every step."""

    int8_lm: bool
    """Whether the language model's weights are 8-bit integers, on a CPU."""

    reduced_flow: bool
    """Whether the flow computes in bf16 or int8 on a CPU where that is faster."""


QUALITIES = {
    "exact": Quality(10, 1, prompt_seconds=math.inf, int8_lm=False, reduced_flow=False),
    "balanced": Quality(5, 1, prompt_seconds=2.0, int8_lm=True, reduced_flow=True),
    "fast": Quality(4, 2, prompt_seconds=1.5, int8_lm=True, reduced_flow=True),
}


def default_quality(device: torch.device) -> str:
    """Choose a key of `QUALITIES` for a device."""
    return "balanced" if device.type == "cpu" else "exact"
