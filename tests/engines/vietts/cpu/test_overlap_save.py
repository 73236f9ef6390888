"""Convolutions through spectra against PyTorch's own."""

import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch

from tests.engines.vietts.fixtures import CPU
from wyoming_vietts.engines.vietts.cpu import overlap_save
from wyoming_vietts.engines.vietts.cpu.convolution import ChannelsLastConv1d
from wyoming_vietts.engines.vietts.cpu.overlap_save import OverlapSaveConv1d
from wyoming_vietts.engines.vietts.model.loading import load_networks
from wyoming_vietts.steps import finish


@pytest.fixture(autouse=True)
def used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is right where it is not faster, too."""
    monkeypatch.setattr(overlap_save, "IS_FASTER", True)


def assert_same(plain: torch.nn.Conv1d, layer: OverlapSaveConv1d, x: torch.Tensor) -> None:
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), plain(x), atol=3e-6, rtol=0)


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
    assert_same(plain, OverlapSaveConv1d(deepcopy(plain)), torch.randn(1, 16, length))


@pytest.mark.parametrize("padding", [0, 2, 9])
@pytest.mark.parametrize("length", [46, 50])  # without padding, 46 are whole blocks
def test_edges_may_be_padded_as_one_likes(padding: int, length: int) -> None:
    torch.manual_seed(0)
    plain = torch.nn.Conv1d(16, 16, 7, padding=padding)
    assert_same(plain, OverlapSaveConv1d(deepcopy(plain)), torch.randn(1, 16, length))


def test_processor_without_avx512_convolves_directly() -> None:
    code = "from wyoming_vietts.engines.vietts.cpu.overlap_save import IS_FASTER; print(IS_FASTER)"
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "avx2"}
    printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert printed == "False\n"


def test_batch_is_refused() -> None:
    layer = OverlapSaveConv1d(torch.nn.Conv1d(16, 16, 7).requires_grad_(False))
    with pytest.raises(ValueError, match="too many values"):
        layer(torch.randn(2, 16, 50))


def test_convolution_is_direct_where_that_is_faster(
    model_dirs: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap_save, "IS_FASTER", False)
    hift = finish(load_networks(model_dirs[25], CPU, torch.float32, torch.float32)).hift
    assert not any(isinstance(layer, OverlapSaveConv1d) for layer in hift.modules())
    convolutions = [layer for layer in hift.modules() if isinstance(layer, ChannelsLastConv1d)]
    assert {7, 11} <= {layer.weight.shape[3] for layer in convolutions}


def test_loaded_vocoder_computes_its_long_kernels_so(model_dirs: dict[int, Path]) -> None:
    hift = finish(load_networks(model_dirs[25], CPU, torch.float32, torch.float32)).hift
    layers = [layer for layer in hift.modules() if isinstance(layer, OverlapSaveConv1d)]
    assert {layer.taps for layer in layers} == {7, 11}
    assert all(layer.weight.is_mkldnn for layer in layers)
