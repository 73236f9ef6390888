"""The flow in 8-bit arithmetic: against integers, against fp32, and where it is used."""

from pathlib import Path

import pytest
import torch

from tests.engines.vietts import cases
from tests.engines.vietts.fixtures import CPU
from wyoming_vietts.engines.vietts.convert import prepare
from wyoming_vietts.engines.vietts.cpu import features
from wyoming_vietts.engines.vietts.cpu.int8 import Int8Linear
from wyoming_vietts.engines.vietts.cpu.int8_flow import Int8TransformerBlock, VNNILinear
from wyoming_vietts.engines.vietts.device import flow_type
from wyoming_vietts.engines.vietts.model.loading import load_networks
from wyoming_vietts.engines.vietts.networks.flow import (
    Flow,
    flow_voice,
    generate_mel,
    solver_schedule,
)
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.engines.vietts.networks.unet import TransformerBlock
from wyoming_vietts.steps import finish


def load(model_dir: Path, dtype: torch.dtype) -> Flow:
    return finish(load_networks(model_dir, CPU, torch.int8, dtype)).flow


def mel_of(networks: Networks, flow: Flow) -> torch.Tensor:
    arrays = cases.flow_case(networks.config, cases.SMALL, 90, 1)
    case = {name: torch.from_numpy(values) for name, values in arrays.items()}
    voice = flow_voice(flow, case["embedding"], case["prompt_token"], case["prompt_feat"].T)
    schedule = solver_schedule(flow, 5)
    return finish(generate_mel(flow, case["token"], voice, case["noise"], schedule))


def distance(mel: torch.Tensor, wanted: torch.Tensor) -> float:
    """In standard deviations."""
    return float((mel - wanted).abs().mean() / wanted.std())


@pytest.mark.parametrize("rows", [1, 300] if features.ONEDNN else [])
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("offset", [-9.0, 0.0, 9.0])
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_layer_is_the_arithmetic_of_integers(rows: int, has_bias: bool, offset: float) -> None:
    draw = torch.Generator().manual_seed(rows)
    linear = Int8Linear(torch.nn.Linear(48, 40, bias=has_bias).requires_grad_(False))
    # Half of the range, so that nothing saturates without VNNI.
    linear.weight = torch.randint(-64, 65, (40, 48), generator=draw, dtype=torch.int8)
    x = torch.randn(2, rows, 48, generator=draw) + offset
    low, high = min(x.min().item(), 0.0), max(x.max().item(), 0.0)
    scale = (high - low) / 255
    zero_point = round(-low / scale)
    integers = torch.quantize_per_tensor(x, scale, zero_point, torch.quint8).int_repr().long()
    assert integers.max() - integers.min() > 30
    products = (integers - zero_point) @ linear.weight.long().T
    wanted = products * linear.scales * scale
    if linear.bias is not None:
        wanted = wanted + linear.bias
    layer = VNNILinear(linear)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), wanted, atol=1e-5, rtol=1e-5)
        silence = layer(torch.zeros(1, 3, 48))
        assert torch.equal(silence, layer.bias.expand(1, 3, 40))


def test_mel_spectrogram_is_nearly_the_same(model_dir: Path, plain_networks: Networks) -> None:
    wanted = mel_of(plain_networks, plain_networks.flow)
    flow = load(model_dir, torch.int8)
    blocks = [block for stage in flow.unet.middle for block in stage.blocks]
    kind = Int8TransformerBlock if features.has_vnni() else TransformerBlock
    assert {type(block) for block in blocks} == {kind}
    assert 0 < distance(mel_of(plain_networks, flow), wanted) < 0.02


def test_processor_without_vnni_multiplies_no_8_bit_numbers(
    model_dir: Path, plain_networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of their products would saturate."""
    monkeypatch.setattr(features, "FAST_BF16", False)
    for has_vnni, dtype in ((True, torch.int8), (False, torch.float32)):
        monkeypatch.setattr(features, "has_vnni", lambda has=has_vnni: has)
        assert flow_type(CPU, reduced_on_cpu=True) == dtype
        assert flow_type(CPU, reduced_on_cpu=False) == torch.float32
    flow = load(model_dir, torch.int8)
    assert not any(isinstance(layer, VNNILinear) for layer in flow.modules())
    wanted = mel_of(plain_networks, plain_networks.flow)
    assert 0 < distance(mel_of(plain_networks, flow), wanted) < 0.02


def test_prepared_folder_serves_every_kind_of_processor(
    model_dir: Path, plain_networks: Networks
) -> None:
    first = mel_of(plain_networks, load(model_dir, torch.int8))
    made = model_dir / "flow-int8.safetensors"
    content = made.read_bytes()
    prepare(model_dir, delete_published=True)
    assert made.read_bytes() == content
    assert torch.equal(mel_of(plain_networks, load(model_dir, torch.int8)), first)
    wanted = mel_of(plain_networks, plain_networks.flow)
    for dtype in (torch.float32, torch.bfloat16):
        assert distance(mel_of(plain_networks, load(model_dir, dtype)), wanted) < 0.02
