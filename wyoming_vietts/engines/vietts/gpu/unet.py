"""The flow's U-Net in buckets of frames: it is computed for the next number that is prepared.

The frames beyond the utterance's own have no effect: convolutions read zeros there, as beyond the
end, group norms leave them out, and attention does not look at them.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....steps import Steps
from ..networks.flow import Flow
from ..networks.unet import Halve, Stage
from .graph import FixedShapes

BUCKETS = tuple(range(256, 1025, 128))
"""Frames: a prompt, and 5 seconds of speech with their context, are about 850."""


class BucketedUNet(nn.Module):
    """Replaces a `UNet`; more frames than the largest bucket still go through that."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.unet = flow.unet
        self.time_shifts = flow.unet.time_shifts
        stages = (*flow.unet.down, *flow.unet.middle, *flow.unet.up)
        self._batch = 2 if flow.config.guidance > 0 else 1
        weight = flow.unet.output.weight
        self._shifts = [stage.resnet.time.out_features for stage in stages]  # channels
        self.steps: dict[int, FixedShapes] = {}
        for bucket in BUCKETS:
            x = weight.new_zeros(self._batch, flow.unet.config.in_channels, bucket)
            frames = torch.full((1,), bucket, device=weight.device)
            shifts = weight.new_zeros(sum(self._shifts))
            self.steps[bucket] = FixedShapes(self._compute, x, frames, shifts)

    def walk(self, x: Tensor, shifts: Sequence[Tensor]) -> Steps[Tensor]:
        """Like `UNet.walk`."""
        batch, _, frames = x.shape
        bucket = next((size for size in self.steps if frames <= size), None)
        if bucket is None:
            return (yield from self.unet.walk(x, shifts))
        padded = F.pad(x.expand(self._batch, -1, -1), (0, bucket - frames))
        count = torch.full((1,), frames, device=x.device)
        (velocity,) = self.steps[bucket](padded, count, torch.cat([*shifts]))
        yield
        return velocity[:batch, :, :frames]

    def _compute(self, x: Tensor, frames: Tensor, shifts: Tensor) -> tuple[Tensor]:
        """`UNet.walk` for the first frames, [1] int64, of x."""
        unet = self.unet
        remaining = iter(torch.split(shifts, self._shifts))
        level = _Level(x, frames)
        skips = []
        for stage in unet.down:
            x = level.run(stage, x, next(remaining))
            skips.append((x, level))
            x = stage.resample(level.cut(x))
            if isinstance(stage.resample, Halve):
                level = _Level(x, (level.frames + 1) // 2)
        for stage in unet.middle:
            x = level.run(stage, x, next(remaining))
        for stage in unet.up:
            skip, level = skips.pop()
            x = level.run(stage, torch.cat((x, skip), dim=1), next(remaining))
            x = stage.resample(level.cut(x))
        x = level.norm(unet.last_norm, unet.last_conv(level.cut(x)))
        return (unet.output(F.mish(x)),)


class _Level:
    """The number of valid frames at one resolution, and how layers keep to them."""

    def __init__(self, x: Tensor, frames: Tensor) -> None:
        """Take the first frames, [1] int64, of [B, C, F] for valid."""
        self.frames = frames
        self.valid = torch.arange(x.shape[2], device=x.device) < frames

    def cut(self, x: Tensor) -> Tensor:
        """Clear the other frames of [B, C, F]."""
        return x.where(self.valid, 0.0)

    def norm(self, norm: nn.GroupNorm, x: Tensor) -> Tensor:
        """Apply a group norm to [B, C, F], by mean and variance of the valid frames."""
        groups = x.float().view(len(x), norm.num_groups, -1, x.shape[2])
        shares = self.valid / (self.frames * groups.shape[2])
        distances = groups - (groups * shares).sum(dim=(2, 3), keepdim=True)
        variance = (distances.square() * shares).sum(dim=(2, 3), keepdim=True)
        normal = (distances * (variance + norm.eps).rsqrt()).flatten(1, 2)
        return torch.addcmul(norm.bias[:, None], normal, norm.weight[:, None]).to(x.dtype)

    def run(self, stage: Stage, x: Tensor, shift: Tensor) -> Tensor:
        """Like `Stage.walk`: [B, C in, F] -> [B, C, F]."""
        resnet = stage.resnet
        hidden = F.mish(self.norm(resnet.norm1, resnet.conv1(self.cut(x)))) + shift[:, None]
        hidden = F.mish(self.norm(resnet.norm2, resnet.conv2(self.cut(hidden))))
        x = (hidden + resnet.shortcut(x)).transpose(1, 2)
        for block in stage.blocks:
            x = block(x, self.valid[None])
        return x.transpose(1, 2).contiguous()
