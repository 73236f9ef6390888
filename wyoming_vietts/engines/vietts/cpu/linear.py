"""Linear layers and attention through oneDNN.

PyTorch's default is MKL. It has half the speed on AMD processors (measured: 35 ms instead of 14 for
one row and 708 MB of weights, 207 GFLOPS instead of 430 for many rows), and no more on Intel's.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .features import AMX, FAST_BF16, ONEDNN
from .memory import forget

_HEAD_BY_HEAD_FROM = 192  # positions; below, the extra calls cost more than they save


def onednn_takes(x: Tensor) -> bool:
    """Return whether oneDNN is faster for matrices of this type on this processor."""
    types = (torch.float32, torch.bfloat16) if FAST_BF16 else (torch.float32,)
    return ONEDNN and x.device.type == "cpu" and x.dtype in types


class OneDNNLinear(nn.Module):
    """y = x W^T + b, fused with the GELU or sum that follows it."""

    def __init__(self, linear: nn.Linear, pack: bool = True) -> None:
        """Take over a layer's weights.

        Args:
            pack: reorder the weight for oneDNN now, instead of at every use. Packed, 708 MB take
                10 ms for one row, and 23 ms instead of 104 for 20 rows.
        """
        super().__init__()
        weight = linear.weight
        if pack:
            weight = nn.Parameter(torch.ops.mkldnn._reorder_linear_weight(weight), False)
            forget(linear.weight)
        self.weight, self.bias = weight, linear.bias

    def forward(self, x: Tensor, added: Tensor | None = None, gelu: bool = False) -> Tensor:
        """[..., in] -> [..., out]; then GELU, or the sum with `added`."""
        if added is not None:
            binary = torch.ops.mkldnn._linear_pointwise.binary
            total: Tensor = binary(x, added, self.weight, self.bias, "add")
            return total
        return _linear(x, self.weight, self.bias, "gelu" if gelu else "none")


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention without positions or mask: queries, keys and values [B, H, n, D] -> [B, H, n, D].

    Long sequences go head by head through oneDNN, except in bf16 with AMX: there, PyTorch's fused
    attention takes half the time.
    """
    batch, heads, positions, size = q.shape
    if positions < _HEAD_BY_HEAD_FROM or (AMX and q.dtype == torch.bfloat16):
        return F.scaled_dot_product_attention(q, k, v)
    scaled = torch.mul(q, 1 / math.sqrt(size), out=q.new_empty(q.shape))
    queries, keys, values = (x.flatten(0, 1).contiguous() for x in (scaled, k, v))
    attended = q.new_empty(batch, positions, heads, size)
    for head in range(batch * heads):
        weights = _linear(queries[head], keys[head]).softmax(dim=-1)
        attended[head // heads, :, head % heads] = _linear(weights, values[head].T)
    return attended.transpose(1, 2)


def _linear(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none"
) -> Tensor:
    linear = torch.ops.mkldnn._linear_pointwise.default
    output: Tensor = linear(x, weight, bias, activation, [], "none")
    return output
