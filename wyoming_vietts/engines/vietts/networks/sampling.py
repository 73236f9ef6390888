"""Repetition-aware nucleus sampling of speech tokens (VALL-E 2, arXiv 2406.05370).

Everything stays on the device of the logits, without a synchronisation.
"""

import torch
from torch import Tensor

from .config import SamplingConfig


def nucleus(logits: Tensor, config: SamplingConfig) -> tuple[Tensor, Tensor]:
    """Return the candidates: the likeliest tokens until they sum to `top_p`, 2 to `top_k` of them.

    Args:
        logits: [V]; an added constant changes nothing, so they may be log-probabilities.

    Returns:
        ids [top_k] in falling order and their probabilities [top_k], 0 where not a candidate.
        This is the reference's rule: it adds a second candidate however likely the first one is.
    """
    probabilities, ids = logits.float().softmax(dim=0).sort(descending=True, stable=True)
    probabilities, ids = probabilities[: config.top_k], ids[: config.top_k]
    held_before = probabilities.cumsum(dim=0) - probabilities
    held_before[:2] = 0.0
    return ids, probabilities.where(held_before < config.top_p, 0.0)


def sample(
    logits: Tensor,
    recent: Tensor,
    config: SamplingConfig,
    generator: torch.Generator | None,
    end: int | None = None,
) -> Tensor:
    """Sample a candidate; if it repeats recent tokens too often, sample from all tokens instead.

    Args:
        logits: [V].
        recent: the last `config.window` tokens or fewer.
        generator: on the device of the logits.
        end: a token that is not allowed yet. The distribution is that of sampling until another
            token is drawn, without the loop, which might never end.

    Returns:
        The token, [1] int64.
    """
    ids, candidates = nucleus(logits, config)
    everything = logits.float().softmax(dim=0)
    seen = (ids[:, None] == recent[None, :]).sum(dim=1)  # occurrences of each candidate
    repeated = seen >= config.window * config.repetition
    if end is not None:
        # A repeated candidate leads to the second sample, which succeeds with this probability.
        success = 1.0 - everything[end]
        candidates = torch.where(repeated, candidates * success, candidates)
        candidates = candidates.clamp_min(_TINY).where(ids != end, 0.0)
        everything = everything.clamp_min(_TINY)
        everything[end].zero_()  # assigning 0.0 to one element copies it from the CPU
    choice, again = _draw(candidates, generator), _draw(everything, generator)
    return torch.where(repeated[choice], again, ids[choice])


def _draw(weights: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw an index, [1], by weights [n] that need not add up to 1.

    The exponential race of `torch.multinomial`, with the same draws, but without its checks of the
    weights, for which a GPU has to be waited for.
    """
    arrivals = torch.empty_like(weights).exponential_(generator=generator)
    return (weights / arrivals).argmax(dim=0, keepdim=True)


_TINY = 1e-30  # keeps a distribution above zero when its only likely token is forbidden
