"""Convolutions through spectra against PyTorch's own."""

import pytest
import torch

from wyoming_vietts.vietts.overlap_save import OverlapSaveConv1d


@pytest.mark.parametrize("taps", [7, 11])
@pytest.mark.parametrize("dilation", [1, 3, 5])
@pytest.mark.parametrize("length", [1, 25, 301, 12_000])
@pytest.mark.parametrize("has_bias", [True, False])
def test_packed_convolution_is_the_convolution(
    taps: int, dilation: int, length: int, has_bias: bool
) -> None:
    torch.manual_seed(0)
    options = {"dilation": dilation, "padding": (taps - 1) // 2 * dilation, "bias": has_bias}
    plain = torch.nn.Conv1d(16, 32, taps, **options)
    layer = OverlapSaveConv1d(16, 32, taps, **options)
    layer.load_state_dict(plain.state_dict())
    layer.pack()
    x = torch.randn(1, 16, length)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), plain(x), atol=3e-6, rtol=0)


@pytest.mark.parametrize("padding", [0, 2, 9])
def test_edges_may_be_padded_as_one_likes(padding: int) -> None:
    torch.manual_seed(0)
    plain = torch.nn.Conv1d(16, 16, 7, padding=padding)
    layer = OverlapSaveConv1d(16, 16, 7, padding=padding)
    layer.load_state_dict(plain.state_dict())
    layer.pack()
    x = torch.randn(1, 16, 50)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), plain(x), atol=3e-6, rtol=0)
