"""What is given up for speed, and that it is what was meant to be given up."""

from pathlib import Path

import pytest
import torch

from tests.engines.vietts.speech import WORDS, say, voices_dir
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.vietts import device
from wyoming_vietts.engines.vietts.convert import load_config
from wyoming_vietts.engines.vietts.convert.published_weights import load_published
from wyoming_vietts.engines.vietts.cpu import features
from wyoming_vietts.engines.vietts.cpu.int8 import Int8Linear, PackedInt8Linear, use_int8
from wyoming_vietts.engines.vietts.engine import VietTTSEngine
from wyoming_vietts.engines.vietts.model.loading import load_networks
from wyoming_vietts.engines.vietts.networks.flow import flow_voice, generate_mel, solver_schedule
from wyoming_vietts.engines.vietts.networks.lm import score
from wyoming_vietts.engines.vietts.networks.networks import Networks, empty_networks
from wyoming_vietts.engines.vietts.quality import QUALITIES
from wyoming_vietts.steps import finish

__all__ = ["voices_dir"]

CPU = torch.device("cpu")


def load_int8(model_dir: Path) -> Networks:
    return finish(load_networks(model_dir, CPU, torch.int8, torch.float32))


def scores(networks: Networks) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    text = torch.randint(0, networks.lm.config.text_vocabulary, (9,), generator=draw)
    speech = torch.randint(0, networks.lm.config.speech_vocabulary, (40,), generator=draw)
    return score(networks.lm, text, torch.randn(192, generator=draw), speech)


def packed(linear: Int8Linear) -> PackedInt8Linear:
    linear.weight = linear.weight.clone()  # packing takes it over
    return PackedInt8Linear(linear)


@pytest.mark.parametrize("rows", [1, 5])
def test_int8_layer_is_close_to_the_layer(rows: int) -> None:
    draw = torch.Generator().manual_seed(rows)
    linear, x = torch.nn.Linear(64, 32), torch.randn(rows, 64, generator=draw)
    sizes = torch.logspace(-3, 3, 32)  # each output has a scale of its own
    with torch.inference_mode():
        linear.weight[:] = torch.randn(32, 64, generator=draw) / 8 * sizes[:, None]
        linear.bias[:] = sizes
        stored = Int8Linear(linear)
        errors = [(layer(x) - linear(x)).abs() / sizes for layer in (stored, packed(stored))]
    assert 0 < errors[0].max() < 0.03
    assert errors[0].max() < errors[1].max() < 0.05


def test_more_hidden_units_change_nothing(model_dir: Path) -> None:
    lm = empty_networks(load_config(model_dir)).lm
    finish(load_published(lm, model_dir / "llm.pt", "llm"))
    layer = lm.decoder.layers[0]
    wanted = [Int8Linear(layer.expand), Int8Linear(layer.contract)]
    finish(use_int8(lm))
    got = [layer.expand, layer.contract]
    assert len(got[0].weight) > len(wanted[0].weight)
    wanted, got = ([packed(linear) for linear in pair] for pair in (wanted, got))
    x = torch.randn(5, lm.decoder.config.size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        outputs = [contract(expand(x).relu()) for expand, contract in (wanted, got)]
    assert torch.equal(*outputs)


def test_int8_lm_thinks_almost_the_same(model_dir: Path, networks: dict[int, Networks]) -> None:
    wanted, got = (
        scores(finish(load_networks(model_dir, CPU, torch.float32, torch.float32))),
        scores(load_int8(model_dir)),
    )
    divergence = float((wanted.exp() * (wanted - got)).sum(dim=1).mean())
    assert 0 < divergence < 0.01


def test_fewer_steps_cost_less_and_stay_near(networks: dict[int, Networks]) -> None:
    flow = networks[25].flow
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, flow.config.speech_vocabulary, (50,), generator=draw)
    voice = flow_voice(flow, torch.randn(192, generator=draw), tokens[:20], torch.zeros(80, 68) - 5)
    noise = torch.randn(80, 300, generator=draw)
    mels, pauses = {}, {}
    for name, quality in QUALITIES.items():
        schedule = solver_schedule(flow, quality.solver_steps, quality.guidance_every)
        mels[name] = finish(generate_mel(flow, tokens, voice, noise, schedule))
        pauses[name] = sum(1 for _ in generate_mel(flow, tokens, voice, noise, schedule))
    spread = mels["exact"].std()
    errors = {
        name: float((mel - mels["exact"]).abs().mean() / spread) for name, mel in mels.items()
    }
    assert errors["exact"] == 0 < errors["balanced"] < errors["fast"] < 0.5
    assert pauses["exact"] > 1.8 * pauses["balanced"]


def test_unguided_steps_use_the_last_distance(networks: dict[int, Networks]) -> None:
    schedule = solver_schedule(networks[25].flow, 4, guidance_every=2)
    assert schedule.guided == (True, False, True, False)
    assert sum(schedule.durations) == pytest.approx(1.0)


@pytest.mark.parametrize("quality", QUALITIES)
def test_every_quality_speaks_and_keeps_no_more_prompt_than_it_wants(
    quality: str, model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    settings = EngineSettings(
        model_dirs[25], voices_dir=voices_dir, device="cpu", threads=1, quality=quality, seed=1
    )
    engine = VietTTSEngine(settings)
    assert b"".join(say(engine, WORDS, "an"))
    flow = finish(engine.loader.load()).networks.flow
    encoded = finish(engine.voices["an"]._encode(flow))
    seconds = len(encoded.flow.prompt_tokens) / 25
    assert seconds <= QUALITIES[quality].prompt_seconds
    assert encoded.flow.prompt_mel.shape[1] / 86.13 == pytest.approx(seconds, abs=0.1)


def test_balanced_is_the_default_on_a_cpu(model_dirs: dict[int, Path], voices_dir: Path) -> None:
    engine = VietTTSEngine(EngineSettings(model_dirs[25], voices_dir=voices_dir, device="cpu"))
    assert engine.quality == QUALITIES["balanced"]


@pytest.mark.parametrize("is_fast", [True, False])
def test_flow_is_in_half_precision_only_where_that_is_faster(
    monkeypatch: pytest.MonkeyPatch, is_fast: bool
) -> None:
    monkeypatch.setattr(features, "FAST_BF16", is_fast)
    monkeypatch.setattr(features, "has_vnni", lambda: False)
    for name, quality in QUALITIES.items():
        is_half = is_fast and name != "exact"
        wanted = torch.bfloat16 if is_half else torch.float32
        assert device.flow_type(CPU, quality.reduced_flow) == wanted


@pytest.mark.parametrize(
    ("capability", "wanted"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16)]
)
def test_gpu_computes_in_bf16_from_ampere_on(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], wanted: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    gpu = torch.device("cuda")
    for quality in QUALITIES.values():
        assert device.lm_type(gpu, quality.int8_lm) == wanted
        assert device.flow_type(gpu, quality.reduced_flow) == wanted
