"""The neural engine on a GPU, as far as it can be known without one: see `fake_gpu`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.engines.vietts.fake_gpu import READ, FakeGenerator, FakeGPU
from tests.engines.vietts.speech import make_engine, say, voices_dir
from tests.harness import joined
from wyoming_vietts.engines.vietts import engine as engine_module
from wyoming_vietts.engines.vietts import loader, voice
from wyoming_vietts.engines.vietts.engine import VietTTSEngine
from wyoming_vietts.engines.vietts.model.loading import load_plain_networks
from wyoming_vietts.engines.vietts.networks import lm
from wyoming_vietts.engines.vietts.networks.flow import flow_voice, generate_mel, solver_schedule
from wyoming_vietts.engines.vietts.networks.hift import vocode
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.steps import finish

__all__ = ["voices_dir"]

CUDA = torch.device("cuda")
WORD = "à."


@pytest.fixture(scope="module", params=[torch.bfloat16, torch.float32], ids=["bf16", "fp32"])
def engine(
    request: pytest.FixtureRequest, model_dirs: dict[int, Path], voices_dir: Path
) -> Iterator[VietTTSEngine]:
    """An engine on a GPU; tests run it while a `FakeGPU` is active."""
    dtype = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "choose_device", lambda _: CUDA)
        patch.setattr(torch, "Generator", FakeGenerator)
        patch.setattr(loader, "lm_type", lambda *_: dtype)
        patch.setattr(loader, "flow_type", lambda *_: dtype)
        # Little of everything: a fake operation takes half a millisecond.
        patch.setattr(loader, "solver_schedule", lambda flow, *_: solver_schedule(flow, steps=1))
        patch.setattr(voice, "FIRST_CHUNK_SECONDS", 0.04)
        patch.setattr(voice, "MAX_RATIO", 4)
        patch.setattr(lm, "MAX_RATIO", 4)
        # `Module.to` swaps fake parameters even where they are on the device already, and cannot.
        patch.setattr(torch.utils, "swap_tensors", lambda *_: None)
        engine = make_engine(model_dirs[25], voices_dir)
        finish(load_plain_networks(model_dirs[25], torch.device("cpu"), dtype, dtype))  # converts
        list(engine.idle_work())
        yield engine


@pytest.fixture(scope="module")
def idle_gpu() -> FakeGPU:
    return FakeGPU()


@pytest.fixture
def gpu(idle_gpu: FakeGPU) -> Iterator[FakeGPU]:
    with idle_gpu:
        yield idle_gpu


@pytest.fixture
def networks(engine: VietTTSEngine, gpu: FakeGPU) -> Networks:
    return finish(engine.loader.load()).networks


def test_utterance_is_spoken_in_pieces(engine: VietTTSEngine, gpu: FakeGPU) -> None:
    pieces = [pcm for pcm in say(engine, WORD, speed=1.3) if pcm]
    assert len(pieces) > 1


def test_utterance_is_spoken_whole(
    engine: VietTTSEngine, gpu: FakeGPU, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "streams_sentences", False)
    assert joined(say(engine, WORD))


def test_recording_is_converted(engine: VietTTSEngine, gpu: FakeGPU, voices_dir: Path) -> None:
    assert joined(engine.voices["an"].convert(voices_dir / "binh.wav"))


def test_step_of_the_language_model_waits_once(networks: Networks, gpu: FakeGPU) -> None:
    text, speaker = torch.zeros(2, dtype=torch.int64, device=CUDA), torch.ones(192, device=CUDA)
    waits = []
    for token in lm.generate(networks.lm, text, speaker, FakeGenerator(CUDA).manual_seed(1)):
        if token is not None:
            waits.append(dict(gpu.waits))
        gpu.waits.clear()
    assert waits == [{READ: 1}] * lm.MAX_RATIO * len(text)


def test_flow_does_not_wait(networks: Networks, gpu: FakeGPU) -> None:
    tokens = torch.zeros(60, dtype=torch.int64, device=CUDA)
    prompt_tokens, prompt_mel = torch.zeros(20, dtype=torch.int64), torch.zeros(80, 68)
    voice = flow_voice(networks.flow, torch.ones(192, device=CUDA), prompt_tokens, prompt_mel)
    schedule = solver_schedule(networks.flow, steps=1)
    noise = torch.zeros(80, 300, device=CUDA)
    gpu.waits.clear()
    mel = finish(generate_mel(networks.flow, tokens, voice, noise, schedule))
    assert (mel.device.type, mel.dtype, mel.shape) == ("cuda", torch.float32, (80, 206))
    assert not gpu.waits


def test_vocoder_waits_once(networks: Networks, gpu: FakeGPU) -> None:
    """The inverse transform checks its window."""
    mel, source = torch.zeros(80, 20, device=CUDA), torch.zeros(20 * 256, device=CUDA)
    gpu.waits.clear()
    assert finish(vocode(networks.hift, mel, source)).dtype == torch.float32
    assert gpu.waits == {READ: 1}
