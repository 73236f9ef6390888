"""Which golden files there are, and how to read one."""

from pathlib import Path

import numpy as np

from tests.engines.vietts.cases import Arrays

GOLDEN = Path(__file__).parent / "golden"

RATES = (25, 50)
"""Speech tokens a second; also the seed of the tiny model of that rate."""
LM_SEED, PROMPT_SEED = 1, 2
CANDIDATES = (("candidates_flat", 0.3, 3), ("candidates", 2.0, 4), ("candidates_peaked", 9.0, 5))
"""Name, spread of the logits, seed."""
FLOWS = (("flow25", 25, 43, 6), ("flow25_short", 25, 9, 7), ("flow50", 50, 61, 8))
"""Name, rate, speech tokens, seed."""
HIFTS = (("hift", 0, 9), ("hift_continued", 5, 10))
"""Name, frames of cached source, seed."""


def golden(name: str) -> Arrays:
    with np.load(GOLDEN / f"{name}.npz") as file:
        return dict(file)
