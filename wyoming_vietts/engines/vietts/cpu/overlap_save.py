"""Convolutions with many taps as products of short spectra (the overlap-save method).

The input is cut into overlapping blocks. Each is transformed, multiplied by the spectrum of the
taps and transformed back; the overlap, where cyclic convolution is wrong, is dropped. With 11 taps
and blocks of 24, that is a quarter of the multiplications.

The transforms are short enough to be matrices. They include Gauss's multiplication of complex
numbers with three real products: a spectrum is real "points", one each for the lowest and the
highest frequency and three for each of the others.
"""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .features import AVX512, ONEDNN
from .memory import forget

IS_FASTER: bool = ONEDNN and AVX512
"""Whether this is faster than direct convolution, from 7 taps on.

With AVX2, oneDNN's order of spectra depends on the number of blocks: each use would reorder them.
"""

_BLOCKS_AT_ONCE = 512  # 9 to 18 MB of spectra in the vocoder


class OverlapSaveConv1d(nn.Module):
    """A convolution over [1, C, n] of 3 taps or more and stride 1."""

    def __init__(self, conv: nn.Conv1d) -> None:
        """Take over a convolution's weights, as a spectrum in oneDNN's order."""
        super().__init__()
        assert not isinstance(conv.padding, str)
        (self.taps,), (self.padding,) = conv.kernel_size, conv.padding
        (self.dilation,) = conv.dilation
        size = 8 * round(self.taps / 4)  # of a block; longer ones are no faster, and larger
        self.analysis, of_taps, self.synthesis = transforms(size, self.taps)
        self.out_channels, in_channels, _ = conv.weight.shape
        by_tap = conv.weight.permute(2, 0, 1).reshape(self.taps, -1)
        spectrum = (of_taps @ by_tap).view(-1, in_channels, 1, 1)
        points = len(of_taps)
        input_size = (1, points * in_channels, 1, _BLOCKS_AT_ONCE)
        packed = torch.ops.aten.mkldnn_reorder_conv2d_weight(
            spectrum.to_mkldnn(), groups=points, input_size=input_size
        )
        forget(conv.weight)
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.bias: nn.Parameter | None = None
        if conv.bias is not None:
            # The first point is the sum over a block.
            bias = F.pad(size * conv.bias, (0, (points - 1) * self.out_channels))
            self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[1, in, n] -> [1, out, n out]."""
        padding, dilation, taps = self.padding, self.dilation, self.taps
        kept, size = len(self.synthesis), self.analysis.shape[1]  # samples of a block
        (signal,) = x  # [in, n]
        channels, length = signal.shape
        wanted = length + 2 * padding - dilation * (taps - 1)
        count = -(-wanted // (kept * dilation))
        needed = (count * kept + taps - 1) * dilation
        samples = F.pad(signal.T, (0, 0, padding, needed - padding - length)).contiguous()
        # A convolution with dilation d is d plain ones, each over every d-th sample.
        strides = (channels, kept * dilation * channels, dilation * channels, 1)
        blocks = samples.as_strided((dilation, count, size, channels), strides).flatten(0, 1)
        output = x.new_empty(dilation * count, kept, self.out_channels)
        for some, valid in zip(
            torch.split(blocks, _BLOCKS_AT_ONCE), torch.split(output, _BLOCKS_AT_ONCE), strict=True
        ):
            self._convolve(some, valid)
        output = output.view(dilation, count * kept, self.out_channels)
        return output.transpose(0, 1).flatten(0, 1)[:wanted].T[None]

    def _convolve(self, blocks: Tensor, valid: Tensor) -> None:
        """Compute the `valid` samples, [blocks, kept, out], from blocks [blocks, size, in]."""
        count, points = len(blocks), len(self.analysis)
        spectra = torch.bmm(self.analysis.expand(count, -1, -1), blocks)
        products = torch.ops.mkldnn._convolution_pointwise(  # a point's [blocks, in] by [in, out]
            spectra.view(1, 1, count, -1).permute(0, 3, 1, 2),
            self.weight,
            self.bias,
            *((0, 0), (1, 1), (1, 1)),  # padding, stride, dilation
            points,
            *("none", [], ""),  # no activation after it
        )
        products = products.permute(0, 2, 3, 1).view(count, points, -1)
        torch.bmm(self.synthesis.expand(count, -1, -1), products, out=valid)


@cache
def transforms(size: int, taps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the matrices for blocks of an even `size`.

    Returns:
        [points, size] for the samples and [points, taps] for the taps: multiply the two spectra
        point by point, and the product by [size - taps + 1, points] for the valid samples.
    """
    positions = torch.arange(size, dtype=torch.float64)
    angles = torch.arange(1, size // 2)[:, None] * positions * (2 * math.pi / size)
    lowest, highest = torch.ones_like(positions)[None], 1 - 2 * (positions % 2)[None]
    cosine, sine = angles.cos(), angles.sin()

    # (a - ib)(c + id), with the taps conjugated as a convolution here is a correlation, is made of
    # c (a - b), a (d - c) and -b (c + d): first minus third, and i times the sum of the first two.
    of_samples = torch.cat((lowest, highest, cosine - sine, cosine, -sine))
    of_taps = torch.cat((lowest, highest, cosine, sine - cosine, cosine + sine))[:, :taps]
    back = torch.cat((lowest, highest, 2 * (cosine - sine), -2 * sine, -2 * cosine)) / size
    return of_samples.float(), of_taps.float(), back.T[: size - taps + 1].float().contiguous()
