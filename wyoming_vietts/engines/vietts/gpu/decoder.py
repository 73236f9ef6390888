"""The language model's decoder with steps over a cache of fixed size."""

import math
import weakref

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....steps import Steps, finish
from ..networks.layers import split_heads
from ..networks.transformer import Encoder, KVCache
from .graph import FixedShapes

CAPACITIES = (256, 1024)
"""Positions of the caches: text and up to 9 or 40 seconds of speech, at 25 tokens a second."""


class StaticDecoder(nn.Module):
    """Replaces an `Encoder` with causal layers; several positions at once still go through it."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.config, self.embed, self.reserve = encoder.config, encoder.embed, encoder.reserve
        self._steps: list[_Step] = []

    def prepare(self) -> Steps[list[FixedShapes]]:
        """Make a step for each capacity, with pauses; return the functions to capture."""
        for capacity in CAPACITIES:
            yield from self.encoder.reserve(capacity)
            self._steps.append(_Step(self.encoder, capacity))
        return [step.compute for step in self._steps]

    def walk(self, x: Tensor, cache: KVCache | None = None) -> Steps[Tensor]:
        """Like `Encoder.walk`."""
        if cache is not None and x.shape[:2] == (1, 1):
            for step in self._steps:
                if cache.length < step.capacity:
                    yield from cache.reserve(cache.length + 1)
                    return step(x, cache)
        return (yield from self.encoder.walk(x, cache))

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        """Like `walk`, without a pause."""
        return finish(self.walk(x, cache))


class _Step:
    """A step of one position, in a copy of the utterance's cache.

    A graph reads and writes always the same memory. So each utterance keeps its own cache, as it
    does elsewhere, and is copied here when another one was here last.
    """

    def __init__(self, encoder: Encoder, capacity: int) -> None:
        self.capacity = capacity
        self._encoder = encoder
        weight = encoder.norm.weight
        self._cache = KVCache(encoder.config, like=weight, capacity=capacity)
        self._cache.tensors.zero_()  # masked positions have no effect, unless they are NaN
        self._held: tuple[weakref.ref[KVCache] | None, int] = (None, 0)
        # Another utterance may extend the tables; these stay for the graph.
        self._tables = [_table(layer.attention.positions, capacity) for layer in encoder.layers]
        self._slots = torch.arange(capacity, device=weight.device)
        self.compute = FixedShapes(
            self._compute,
            weight.new_zeros(1, 1, encoder.config.size),
            torch.zeros(1, dtype=torch.int64, device=weight.device),
        )

    def __call__(self, x: Tensor, cache: KVCache) -> Tensor:
        """[1, 1, C] -> [1, 1, C], after the positions of a cache, to which it is appended."""
        length = cache.length
        holder, held = self._held
        if holder is None or holder() is not cache or held != length:
            self._cache.tensors[..., :length, :] = cache.tensors[..., :length, :]
        hidden, added = self.compute(x, torch.full_like(self._slots[:1], length))
        cache.tensors[..., length : length + 1, :] = added
        cache.length += 1
        self._held = (weakref.ref(cache), cache.length)
        return hidden

    def _compute(self, x: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden [1, 1, C] of an input at a position [1], and its keys and values."""
        distances = position - self._slots
        rows = self.capacity - 1 - distances.clamp_min(0)  # of the tables
        for index, layer in enumerate(self._encoder.layers):
            attention = layer.attention
            projected = attention.query_key_value(layer.attention_norm(x))
            q, k, v = split_heads(projected, attention.heads)
            keys, values = self._cache.keys[index], self._cache.values[index]
            keys.index_copy_(2, position, k)
            values.index_copy_(2, position, v)
            scores = (q + attention.position_bias[:, None]) @ self._tables[index].transpose(1, 2)
            bias = scores[..., rows].masked_fill(distances < 0, -math.inf)
            attended = F.scaled_dot_product_attention(
                q + attention.content_bias[:, None], keys, values, attn_mask=bias
            )
            x = x + attention.output(attended.transpose(1, 2).flatten(2))
            hidden = layer.activation(layer.expand(layer.feed_forward_norm(x)))
            x = x + layer.contract(hidden)
        return self._encoder.norm(x), self._cache.tensors.index_select(4, position)


def _table(positions: Tensor | None, capacity: int) -> Tensor:
    assert positions is not None
    return positions[:, positions.shape[1] - capacity :]
