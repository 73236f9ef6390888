"""The CPU's layers against PyTorch's own."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from wyoming_vietts.vietts.layers import Conv1d, Linear, attend
from wyoming_vietts.vietts.memory import forget


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 3e-2}


def assert_close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    tolerance = TOLERANCES[found.dtype]
    torch.testing.assert_close(found.float(), wanted, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("has_bias", [True, False])
def test_packed_linear_layer_is_the_layer(dtype: torch.dtype, rows: int, has_bias: bool) -> None:
    layer, plain = Linear(48, 40, bias=has_bias), torch.nn.Linear(48, 40, bias=has_bias)
    layer.load_state_dict(plain.state_dict())
    layer.to(dtype).pack()
    x, other = torch.randn(2, rows, 48), torch.randn(2, rows, 40)
    with torch.inference_mode():
        wanted, given = plain(x), x.to(dtype)
        assert_close(layer(given), wanted)
        assert_close(layer(given, gelu=True), F.gelu(wanted))
        assert_close(layer(given, added=other.to(dtype)), wanted + other)


@pytest.mark.parametrize("sizes", [(1, 1, 0, 1), (3, 1, 3, 3), (8, 4, 2, 1)])
def test_packed_convolution_is_the_convolution(sizes: tuple[int, int, int, int]) -> None:
    plain, layer = torch.nn.Conv1d(256, 128, *sizes), Conv1d(256, 128, *sizes)
    layer.load_state_dict(plain.state_dict())
    x = torch.randn(1, 256, 50)
    with torch.inference_mode():
        assert_close(layer(x), plain(x))
        layer.pack()
        assert_close(layer(x), plain(x))


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("positions", [1, 191, 192, 301])
@pytest.mark.parametrize("batch", [1, 2])
def test_attention_is_the_same_head_by_head(dtype: torch.dtype, positions: int, batch: int) -> None:
    shape = (batch, positions, 3, 16)
    q, k, v = (torch.randn(shape).transpose(1, 2) for _ in range(3))
    wanted = (q @ k.transpose(2, 3) / 4).softmax(dim=-1) @ v
    with torch.inference_mode():
        assert_close(attend(q.to(dtype), k.to(dtype), v.to(dtype)), wanted)


def resident_file_pages() -> int:
    """MiB of mapped files in this process."""
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("RssFile:") + 1]) // 1024


def test_weight_of_a_mapped_file_does_not_stay_beside_the_packed_one(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(bytes(64 << 20))
    mapped = torch.from_file(str(path), size=16 << 20)
    layer = Linear(4096, 4096, bias=False, device="meta")
    layer.weight = torch.nn.Parameter(mapped.view(4096, 4096), requires_grad=False)
    before = resident_file_pages()
    layer.pack()
    assert resident_file_pages() - before <= 8


def test_forgotten_tensor_of_a_mapped_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(bytes(4 << 24))
    mapped = torch.from_file(str(path), size=1 << 24)
    kept, forgotten = mapped[: 1 << 20], mapped[1 << 20 :]
    before = resident_file_pages()
    assert float(kept.sum() + forgotten.sum()) == 0.0
    assert resident_file_pages() - before >= 60
    forget(forgotten)
    assert resident_file_pages() - before <= 8
    assert float(kept.sum()) == 0.0


def test_only_what_lies_in_one_piece_is_forgotten() -> None:
    numbers = torch.ones(1 << 20)
    forget(numbers[::2])
    forget(numbers[: 1 << 12].expand(64, 1 << 12))
    assert bool(numbers.all())
