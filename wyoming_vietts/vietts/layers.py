"""Layers that every network here uses."""

import math
import platform
from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .device import HAS_FAST_BF16
from .memory import forget

M = TypeVar("M", bound=nn.Module)

ONEDNN: bool = (
    platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
)
"""Whether matrices go through oneDNN; on other processors than x86 that has not been measured."""

_HEAD_BY_HEAD_FROM = 192  # positions; fewer do not make up for the calls


class Linear(nn.Linear):
    """y = x W^T + b, on an x86 CPU through oneDNN.

    torch's own path goes through MKL, which runs at half of the speed on AMD processors (measured:
    708 MB of weights in 35 ms against 14 ms for one row, 207 against 430 GFLOPS for many) and is
    not faster on Intel's.
    """

    def reset_parameters(self) -> None:
        """Leave out the initial values: all weights are loaded."""

    def pack(self) -> None:
        """Bring the weight, on an x86 CPU, into the order that oneDNN reads it in.

        It would be done anew at every use otherwise: the 708 MB take 10 ms packed, and for 20 rows
        23 ms instead of 104.
        """
        if _onednn_takes(self.weight):
            replace_weight(self, torch.ops.mkldnn._reorder_linear_weight(self.weight))

    def forward(self, input: Tensor, added: Tensor | None = None, gelu: bool = False) -> Tensor:
        """[..., in] -> [..., out]; then GELU, or what is to be ``added`` to it."""
        if not _onednn_takes(input):
            output: Tensor = F.linear(input, self.weight, self.bias)
            output = F.gelu(output) if gelu else output
            return output if added is None else output + added
        if added is not None:
            binary = torch.ops.mkldnn._linear_pointwise.binary
            total: Tensor = binary(input, added, self.weight, self.bias, "add")
            return total
        return _onednn_linear(input, self.weight, self.bias, "gelu" if gelu else "none")


def split_heads(projected: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values of one layer, [B, n, 3 C], for each head: [B, H, n, D]."""
    batch, n, _ = projected.shape
    q, k, v = projected.view(batch, n, 3, count, -1).permute(2, 0, 3, 1, 4)
    return q, k, v


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention without positions or mask: queries, keys and values [B, H, n, D] -> [B, H, n, D].

    Long sequences on an x86 CPU go head by head through oneDNN; see `Linear`.
    """
    if not _onednn_takes(q) or q.shape[2] < _HEAD_BY_HEAD_FROM:
        return F.scaled_dot_product_attention(q, k, v)
    batch, heads, positions, size = q.shape
    scaled = torch.mul(q, 1 / math.sqrt(size), out=q.new_empty(q.shape))
    queries, keys, values = (x.flatten(0, 1).contiguous() for x in (scaled, k, v))
    attended = q.new_empty(batch, positions, heads, size)
    for head in range(batch * heads):
        weights = _onednn_linear(queries[head], keys[head]).softmax(dim=-1)
        attended[head // heads, :, head % heads] = _onednn_linear(weights, values[head].T)
    return attended.transpose(1, 2)


def _onednn_takes(x: Tensor) -> bool:
    types = (torch.float32, torch.bfloat16) if HAS_FAST_BF16 else (torch.float32,)
    return ONEDNN and x.device.type == "cpu" and x.dtype in types


def _onednn_linear(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none"
) -> Tensor:
    linear = torch.ops.mkldnn._linear_pointwise.default
    output: Tensor = linear(x, weight, bias, activation, [], "none")
    return output


class Conv1d(nn.Conv1d):
    """A convolution over [B, C, n]; when packed, in two dimensions and with the channels last.

    oneDNN is a tenth to a quarter faster that way; what comes out has its channels last in memory,
    so that one such layer after the other costs no rearranging.
    """

    def reset_parameters(self) -> None:
        """Leave out the initial values: all weights are loaded."""

    def pack(self) -> None:
        """Bring the weight, on a CPU, into that order: [out, in, 1, size]."""
        in_two_dimensions = self.weight[:, :, None]
        replace_weight(self, in_two_dimensions.clone(memory_format=torch.channels_last))

    def forward(self, input: Tensor) -> Tensor:
        if self.weight.dim() == 3:
            return super().forward(input)
        assert not isinstance(self.padding, str)
        sizes = ((1, self.stride[0]), (0, self.padding[0]), (1, self.dilation[0]))
        return F.conv2d(input[:, :, None], self.weight, self.bias, *sizes)[:, :, 0]


def replace_weight(layer: nn.Linear | nn.Conv1d, weight: Tensor) -> None:
    """Give a layer a weight that was computed from its own, and give back that one's memory.

    They must not share it.
    """
    forget(layer.weight)
    layer.weight = nn.Parameter(weight, requires_grad=False)


def embedding(count: int, size: int) -> nn.Embedding:
    """An embedding without initial values: drawing them on the meta device imports a compiler."""
    return nn.Embedding(count, size, _weight=torch.empty(count, size), _freeze=True)


def modules(items: Iterable[M]) -> Sequence[M]:
    """A ModuleList that knows of what."""
    return nn.ModuleList(items)  # type: ignore[return-value]
