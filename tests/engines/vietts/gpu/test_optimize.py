"""The steps of fixed shapes, called instead of captured, against the networks as defined."""

import itertools
from pathlib import Path

import pytest
import torch

from tests.engines.vietts import cases
from tests.engines.vietts.cpu.test_optimize import tensors
from wyoming_vietts.engines.vietts.gpu import decoder, graph, optimize, unet
from wyoming_vietts.engines.vietts.model.loading import load_plain_networks
from wyoming_vietts.engines.vietts.networks.flow import flow_voice, generate_mel, solver_schedule
from wyoming_vietts.engines.vietts.networks.lm import generate
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.steps import finish

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def optimized(model_dirs: dict[int, Path]) -> Networks:
    """With caches so small that an utterance outgrows both."""
    networks = finish(load_plain_networks(model_dirs[25], CPU, torch.float32, torch.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoder, "CAPACITIES", (16, 40))
        finish(optimize(networks))
    return networks


def speak(networks: Networks, seed: int, text_tokens: int = 5):  # type: ignore[no-untyped-def]
    text, speaker = torch.arange(text_tokens), torch.ones(192)
    return generate(networks.lm, text, speaker, torch.Generator().manual_seed(seed))


def test_same_speech_tokens_as_caches_are_outgrown(
    plain_networks: Networks, optimized: Networks
) -> None:
    for seed in range(3):
        wanted, got = (
            [token for token in speak(networks, seed) if token is not None]
            for networks in (plain_networks, optimized)
        )
        assert len(wanted) > 40
        assert got == wanted


def test_interleaved_utterances_keep_their_own_positions(
    plain_networks: Networks, optimized: Networks
) -> None:
    seeds = (1, 2, 3)
    alone = [list(filter(None, speak(plain_networks, seed, 3 + seed))) for seed in seeds]
    turns = itertools.zip_longest(*(speak(optimized, seed, 3 + seed) for seed in seeds))
    together = [list(filter(None, spoken)) for spoken in zip(*turns, strict=True)]
    assert together == alone


@pytest.mark.parametrize("prompt_frames", [41, 130])
def test_same_mel_spectrogram_whatever_the_bucket(
    plain_networks: Networks, optimized: Networks, prompt_frames: int
) -> None:
    case = tensors(cases.flow_case(plain_networks.config, cases.SMALL, 90, 1))
    prompt = case["prompt_feat"].T.repeat(1, 4)[:, :prompt_frames]
    noise = torch.randn(80, 600, generator=torch.Generator().manual_seed(1))
    mels = []
    for flow in (plain_networks.flow, optimized.flow):
        voice = flow_voice(flow, case["embedding"], case["prompt_token"], prompt)
        for schedule in (solver_schedule(flow), solver_schedule(flow, 4, guidance_every=2)):
            mels.append(finish(generate_mel(flow, case["token"], voice, noise, schedule)))
    for wanted, got in zip(mels[:2], mels[2:], strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


def test_more_frames_than_the_largest_bucket_go_the_plain_way(
    plain_networks: Networks, optimized: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(graph.FixedShapes, "__call__", refuse)
    x = torch.randn(2, 320, unet.BUCKETS[-1] + 1)
    shifts = solver_schedule(plain_networks.flow).shifts[0]
    wanted, got = (finish(n.flow.unet.walk(x, shifts)) for n in (plain_networks, optimized))
    torch.testing.assert_close(got, wanted)


def test_convolutions_in_fp32_are_not_shortened(optimized: Networks) -> None:
    assert not torch.backends.cudnn.allow_tf32
