"""The U-Net that gives the flow's velocity (the decoder of Matcha-TTS, arXiv 2309.03199).

Convolutions take [B, C, F], attention takes [B, F, C]. There are no masks: all items of a batch
have the same length.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....steps import Steps
from .config import UNetConfig
from .layers import Conv1d, Linear, modules, split_heads

GROUPS = 8  # of every group norm


class ResNet(nn.Module):
    """Two convolutions with a time-dependent shift between them, added to a shortcut."""

    def __init__(self, channels_in: int, channels: int, time_size: int) -> None:
        super().__init__()
        self.time = Linear(time_size, channels)
        self.conv1 = Conv1d(channels_in, channels, 3, padding=1)
        self.norm1 = nn.GroupNorm(GROUPS, channels)
        self.conv2 = Conv1d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(GROUPS, channels)
        self.shortcut = Conv1d(channels_in, channels, 1)

    def forward(self, x: Tensor, shift: Tensor) -> Tensor:
        """[B, C in, F] and the time's shift [C] -> [B, C, F]."""
        hidden = F.mish(self.norm1(self.conv1(x))) + shift[:, None]
        return F.mish(self.norm2(self.conv2(hidden))) + self.shortcut(x)  # type: ignore[no-any-return]


class TransformerBlock(nn.Module):
    """Self-attention without positions and a feed-forward with GELU, both pre-norm."""

    def __init__(self, channels: int, heads: int, head_size: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * head_size
        self.attention_norm = nn.LayerNorm(channels)
        self.query_key_value = Linear(channels, 3 * inner, bias=False)
        self.project = Linear(inner, channels)
        self.feed_forward_norm = nn.LayerNorm(channels)
        self.expand = Linear(channels, 4 * channels)
        self.contract = Linear(4 * channels, channels)

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """[B, F, C] -> [B, F, C]; attention looks at the valid frames, [1, F], or at all."""
        q, k, v = split_heads(self.query_key_value(self.attention_norm(x)), self.heads)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=valid)  # [B, H, F, D]
        x = x + self.project(attended.transpose(1, 2).flatten(2))
        hidden = F.gelu(self.expand(self.feed_forward_norm(x)))
        return x + self.contract(hidden)  # type: ignore[no-any-return]


class Halve(nn.Module):
    """[B, C, F] -> [B, C, ceil(F / 2)]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Conv1d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)  # type: ignore[no-any-return]


class Double(nn.Module):
    """[B, C, F] -> [B, C, 2 F]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(channels, channels, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)  # type: ignore[no-any-return]


class Stage(nn.Module):
    """A ResNet and transformer blocks; the U-Net applies `resample` after them."""

    def __init__(
        self, config: UNetConfig, channels_in: int, channels: int, resample: nn.Module
    ) -> None:
        super().__init__()
        self.resnet = ResNet(channels_in, channels, _time_size(config))
        self.blocks = modules(
            TransformerBlock(channels, config.heads, config.head_size) for _ in range(config.blocks)
        )
        self.resample = resample

    def walk(self, x: Tensor, shift: Tensor) -> Steps[Tensor]:
        """[B, C in, F] -> [B, C, F], pausing after each block."""
        x = self.resnet(x, shift).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
            yield
        return x.transpose(1, 2).contiguous()


class UNet(nn.Module):
    """Stages down to half of the frames and up again, with skip connections."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        channels, time_size = config.channels, _time_size(config)
        self.time_in = Linear(config.in_channels, time_size)
        self.time_out = Linear(time_size, time_size)

        down = []
        before = config.in_channels
        for i, size in enumerate(channels):
            last = i == len(channels) - 1
            halve = Conv1d(size, size, 3, padding=1) if last else Halve(size)
            down.append(Stage(config, before, size, halve))
            before = size
        self.down = modules(down)
        self.middle = modules(
            Stage(config, before, before, nn.Identity()) for _ in range(config.middle_stages)
        )
        up = []
        ups = (*channels[::-1], channels[0])
        for i, (before, size) in enumerate(pairwise(ups)):
            last = i == len(channels) - 1
            double = Conv1d(size, size, 3, padding=1) if last else Double(size)
            up.append(Stage(config, 2 * before, size, double))
        self.up = modules(up)
        self.last_conv = Conv1d(ups[-1], ups[-1], 3, padding=1)
        self.last_norm = nn.GroupNorm(GROUPS, ups[-1])
        self.output = Conv1d(ups[-1], config.out_channels, 1)

    def time_shifts(self, times: Tensor) -> list[Tensor]:
        """Return each stage's shifts at the times [n] in fp32, 0 ... 1: [n, C] for each stage."""
        sinusoids = _time_sinusoids(times, self.config.in_channels)
        time = F.silu(self.time_in(sinusoids.to(self.time_in.bias.dtype)))
        time = F.mish(self.time_out(time))
        return [stage.resnet.time(time) for stage in (*self.down, *self.middle, *self.up)]

    def walk(self, x: Tensor, shifts: Sequence[Tensor]) -> Steps[Tensor]:
        """Inputs [B, C in, F], one shift [C] per stage -> velocity [B, C out, F], with pauses."""
        remaining = iter(shifts)
        skips = []
        for stage in self.down:
            x = yield from stage.walk(x, next(remaining))
            skips.append(x)
            x = stage.resample(x)
        for stage in self.middle:
            x = yield from stage.walk(x, next(remaining))
        for stage in self.up:
            skip = skips.pop()
            x = torch.cat((x[:, :, : skip.shape[2]], skip), dim=1)
            x = yield from stage.walk(x, next(remaining))
            x = stage.resample(x)
        return self.output(F.mish(self.last_norm(self.last_conv(x))))  # type: ignore[no-any-return]


def _time_size(config: UNetConfig) -> int:
    return 4 * config.channels[0]


def _time_sinusoids(times: Tensor, size: int) -> Tensor:
    """Return sines, then cosines, of 1000 times the times: [n] -> [n, size] in fp32."""
    half = size // 2
    powers = torch.arange(half, device=times.device, dtype=torch.float32)
    rates = torch.exp(powers * (-math.log(10000.0) / (half - 1)))
    angles = 1000.0 * times[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), dim=1)
