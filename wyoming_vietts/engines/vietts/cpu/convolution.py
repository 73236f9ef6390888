"""Convolutions in oneDNN's fastest memory layout."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .memory import forget


class ChannelsLastConv1d(nn.Module):
    """A convolution over [B, C, n], computed in two dimensions with the channels last in memory.

    That makes oneDNN 10 to 25 % faster. The output has the same layout, so consecutive layers need
    no reordering.
    """

    def __init__(self, conv: nn.Conv1d) -> None:
        """Take over a convolution's weights: [out, in, taps] as [out, in, 1, taps]."""
        super().__init__()
        assert not isinstance(conv.padding, str)
        weight = conv.weight[:, :, None].clone(memory_format=torch.channels_last)
        forget(conv.weight)
        self.weight, self.bias = nn.Parameter(weight, requires_grad=False), conv.bias
        self.sizes = ((1, conv.stride[0]), (0, conv.padding[0]), (1, conv.dilation[0]))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x[:, :, None], self.weight, self.bias, *self.sizes)[:, :, 0]
