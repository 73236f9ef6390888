"""The vocoder against the reference, and in pieces against the whole."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.engines.vietts import cases
from tests.engines.vietts.goldens import HIFTS, golden
from wyoming_vietts.engines.vietts.model.loading import load_networks
from wyoming_vietts.engines.vietts.networks.hift import (
    HiFT,
    ResBlock,
    draw_noise,
    harmonic_source,
    start_phases,
    vocode,
)
from wyoming_vietts.engines.vietts.networks.hift_stream import HiFTStream
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.steps import finish


@pytest.fixture
def hift(networks: dict[int, Networks]) -> HiFT:
    return networks[25].hift


@pytest.mark.parametrize(("name", "cached_frames", "seed"), HIFTS)
def test_waveform_is_the_references(
    networks: dict[int, Networks], hift: HiFT, name: str, cached_frames: int, seed: int
) -> None:
    arrays = cases.hift_case(networks[25].config, cases.SMALL, cached_frames, seed)
    case = {key: torch.from_numpy(values) for key, values in arrays.items()}
    expected = {key: torch.from_numpy(values) for key, values in golden(name).items()}
    f0 = hift.f0(case["mel"])
    torch.testing.assert_close(f0, expected["f0"], atol=1e-3, rtol=0)
    assert ((f0 > 10).any() and (f0 <= 10).any()).item(), "the case should be voiced in part"
    source, _ = harmonic_source(hift, f0, case["phase"], case["noise"])
    source = torch.cat((case["cache_source"], source[256 * cached_frames :]))
    torch.testing.assert_close(source, expected["source"], atol=1e-4, rtol=0)
    waveform = finish(vocode(hift, case["mel"], expected["source"]))
    torch.testing.assert_close(waveform, expected["wave"], atol=1e-4, rtol=0)
    waveform = finish(vocode(hift, case["mel"], source))
    torch.testing.assert_close(waveform, expected["wave"], atol=1e-3, rtol=0)


def a_mel(frames: int) -> torch.Tensor:
    return 2 * torch.randn(80, frames, generator=torch.Generator().manual_seed(5)) - 5


def whole(hift: HiFT, mel: torch.Tensor, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode():
        phases = start_phases(hift, generator)
        noise = draw_noise(hift, mel.shape[1], generator)
        source, _ = harmonic_source(hift, hift.f0(mel), phases, noise)
    return finish(vocode(hift, mel, source))


def streamed(hift: HiFT, pieces: tuple[torch.Tensor, ...], seed: int) -> list[torch.Tensor]:
    stream = HiFTStream(hift, torch.Generator().manual_seed(seed))
    return [finish(stream.feed(piece, last=i == len(pieces) - 1)) for i, piece in enumerate(pieces)]


@pytest.mark.parametrize("sizes", [(150,), (60, 60, 30), (7, 20, 3, 41, 79), (149, 1), (20, 130)])
def test_pieces_are_the_whole(hift: HiFT, sizes: tuple[int, ...]) -> None:
    """So that there is no seam to hear: not a click, not a step, not a phase."""
    mel = a_mel(150)
    waveform = torch.cat(streamed(hift, mel.split(sizes, dim=1), seed=4))
    torch.testing.assert_close(waveform, whole(hift, mel, seed=4), atol=2e-4, rtol=0)


def test_most_of_a_piece_is_given_out_at_once(hift: HiFT) -> None:
    first, *_ = streamed(hift, a_mel(150).split((60, 90), dim=1), seed=4)
    assert len(first) == (60 - 20) * hift.frame_samples


def test_empty_last_piece_gives_the_rest(hift: HiFT) -> None:
    mel = a_mel(60)
    pieces = streamed(hift, (mel, mel[:, :0]), seed=4)
    assert sum(len(piece) for piece in pieces) == 60 * hift.frame_samples


def test_state_stays_small(hift: HiFT) -> None:
    stream = HiFTStream(hift, torch.Generator().manual_seed(0))
    for piece in a_mel(400).split(40, dim=1):
        finish(stream.feed(piece, last=False))
        assert stream.mel.shape[1] <= 80


def test_a_tone_keeps_its_phase_through_a_continuation(hift: HiFT) -> None:
    f0 = torch.full((40,), 123.0)
    noise = torch.zeros(9, 40 * hift.frame_samples)
    phases = start_phases(hift, torch.Generator().manual_seed(0))
    together, _ = harmonic_source(hift, f0, phases, noise)
    first, later = harmonic_source(hift, f0[:17], phases, noise)
    second, _ = harmonic_source(hift, f0[17:], later, noise)
    torch.testing.assert_close(torch.cat((first, second)), together, atol=1e-5, rtol=0)


def test_sines_start_where_they_are_drawn_to(hift: HiFT) -> None:
    phases = start_phases(hift, torch.Generator().manual_seed(0))
    assert phases[0] == 0
    assert phases.shape == (9,)
    assert float(phases.abs().max()) <= torch.pi
    assert len(phases.unique()) == 9


def test_computation_pauses_between_convolutions(hift: HiFT) -> None:
    mel = a_mel(30)
    source = torch.zeros(30 * hift.frame_samples)
    pauses = sum(1 for _ in vocode(hift, mel, source))
    assert pauses == 2 * (1 + 4 * 3)  # two rates: upsampling, and four blocks of three pairs


@pytest.mark.parametrize("kernel", [3, 11])
def test_residual_block_is_convolutions_with_snake_between(kernel: int) -> None:
    torch.manual_seed(0)
    block = ResBlock(32, kernel, (1, 5)).requires_grad_(False)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.05)
    block.alphas1[0][3] = block.alphas2[1][5] = 0.0  # where Snake is x alone
    x = torch.randn(1, 32, 400)

    def snake(x: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        return x + (alpha[:, None] * x).sin() ** 2 / (alpha[:, None] + 1e-9)

    with torch.inference_mode():
        expected = x
        for conv1, conv2, alpha1, alpha2 in zip(
            block.convs1, block.convs2, block.alphas1, block.alphas2, strict=True
        ):
            expected = expected + conv2(snake(conv1(snake(expected, alpha1)), alpha2))
        torch.testing.assert_close(finish(block.walk(x)), expected, atol=1e-5, rtol=1e-5)


def test_magnitudes_are_bounded(model_dirs: dict[int, Path]) -> None:
    """Beyond 100 the spectrum grows no more, whatever the last convolution says."""
    waveforms = []
    for log_magnitude in (5.0, 9.0):  # 148 and 8103
        device = torch.device("cpu")
        loud = finish(load_networks(model_dirs[25], device, torch.float32, torch.float32)).hift
        loud.config = dataclasses.replace(loud.config, limit=1e9)
        loud.conv_post.weight[:9] = 0
        loud.conv_post.bias[:9] = log_magnitude
        waveforms.append(finish(vocode(loud, a_mel(5), torch.zeros(5 * loud.frame_samples))))
    assert float(waveforms[0].abs().max()) > 1
    assert torch.equal(*waveforms)
