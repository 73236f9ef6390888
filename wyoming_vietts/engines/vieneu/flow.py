"""The solver of the flow: a schedule, and Euler's method with classifier-free guidance."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ...steps import Steps
from .config import BLOCK_CHANNELS, Floats

GUIDANCE = 3.0
"""Weight of classifier-free guidance."""

Velocity = Callable[[Floats, Floats], Steps[Floats]]
"""From latents [1, C, T] and a time [1], their velocity [1, C, T]."""


@dataclass(frozen=True)
class Schedule:
    """The steps of the solver."""

    steps: int
    sway: float = 0.0
    """-1 makes the first steps the shortest; 0 makes all equal."""

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """Times [steps + 1] from 0 to 1; sway sampling (arXiv 2410.06885)."""
        even = np.linspace(0.0, 1.0, self.steps + 1)
        return even + self.sway * (np.cos(np.pi / 2 * even) - 1 + even)


def draw_noise(blocks: int, seed: int | None) -> Floats:
    """Draw standard normal latents [1, C, T]."""
    draws = np.random.default_rng(seed)
    return draws.standard_normal((1, BLOCK_CHANNELS, blocks)).astype(np.float32)


def solve(
    latents: Floats,
    schedule: Schedule,
    conditional: Velocity,
    unconditional: Velocity,
) -> Steps[Floats]:
    """Turn noise [1, C, T] into latents [1, C, T], with a pause after each call of a velocity."""
    times = schedule.times
    for now, later in pairwise(times):
        time = np.array([now], np.float32)
        velocity = yield from conditional(latents, time)
        yield
        free = yield from unconditional(latents, time)
        yield
        velocity = free + GUIDANCE * (velocity - free)
        latents = latents + np.float32(later - now) * velocity
    return latents
