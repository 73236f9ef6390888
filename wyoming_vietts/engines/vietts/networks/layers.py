"""Layers that several networks share."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class Linear(nn.Linear):
    """A linear layer without initial weights."""

    def reset_parameters(self) -> None:
        """Skip initialisation: the weights are loaded."""


class Conv1d(nn.Conv1d):
    """A convolution without initial weights."""

    def reset_parameters(self) -> None:
        """Skip initialisation: the weights are loaded."""


def embedding(count: int, size: int) -> nn.Embedding:
    """Make an embedding without initial weights: drawing them would import a compiler."""
    return nn.Embedding(count, size, _weight=torch.empty(count, size), _freeze=True)


def modules(items: Iterable[M]) -> Sequence[M]:
    """Make a ModuleList that has the type of its items."""
    return nn.ModuleList(items)  # type: ignore[return-value]


def split_heads(projected: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Split [B, n, 3 C] into queries, keys and values of `count` heads, [B, H, n, D] each."""
    batch, n, _ = projected.shape
    q, k, v = projected.view(batch, n, 3, count, -1).permute(2, 0, 3, 1, 4)
    return q, k, v
