"""Linear layers and attention through oneDNN against PyTorch's own."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F

from wyoming_vietts.engines.vietts.cpu import linear
from wyoming_vietts.engines.vietts.cpu.linear import OneDNNLinear, attend, onednn_takes

TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 3e-2}
TAKEN = [dtype for dtype in TOLERANCES if onednn_takes(torch.empty(1, dtype=dtype))]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def assert_close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    tolerance = TOLERANCES[found.dtype]
    torch.testing.assert_close(found.float(), wanted, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("dtype", TAKEN)
@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("is_packed", [True, False])
def test_linear_layer_is_the_layer(
    dtype: torch.dtype, rows: int, has_bias: bool, is_packed: bool
) -> None:
    plain = torch.nn.Linear(48, 40, bias=has_bias).requires_grad_(False)
    layer = OneDNNLinear(deepcopy(plain).to(dtype), is_packed)
    x, other = torch.randn(2, rows, 48), torch.randn(2, rows, 40)
    with torch.inference_mode():
        wanted, given = plain(x), x.to(dtype)
        assert_close(layer(given), wanted)
        assert_close(layer(given, gelu=True), F.gelu(wanted))
        assert_close(layer(given, added=other.to(dtype)), wanted + other)


@pytest.mark.parametrize("dtype", TAKEN)
@pytest.mark.parametrize("positions", [1, 191, 192, 301])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("has_amx", [True, False])
def test_attention_is_the_same_head_by_head(
    dtype: torch.dtype, positions: int, batch: int, has_amx: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "AMX", has_amx)
    shape = (batch, positions, 3, 16)
    q, k, v = (torch.randn(shape).transpose(1, 2) for _ in range(3))
    wanted = (q @ k.transpose(2, 3) / 4).softmax(dim=-1) @ v
    with torch.inference_mode():
        assert_close(attend(q.to(dtype), k.to(dtype), v.to(dtype)), wanted)
