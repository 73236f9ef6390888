"""Convolutions with their channels last against PyTorch's own."""

from copy import deepcopy

import pytest
import torch

from wyoming_vietts.engines.vietts.cpu.convolution import ChannelsLastConv1d


@pytest.mark.parametrize("sizes", [(1, 1, 0, 1), (3, 1, 3, 3), (8, 4, 2, 1)])
def test_convolution_is_the_convolution(sizes: tuple[int, int, int, int]) -> None:
    torch.manual_seed(0)
    plain = torch.nn.Conv1d(256, 128, *sizes).requires_grad_(False)
    layer = ChannelsLastConv1d(deepcopy(plain))
    x = torch.randn(1, 256, 50)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), plain(x), atol=1e-5, rtol=1e-5)
