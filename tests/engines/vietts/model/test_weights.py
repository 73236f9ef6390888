"""Our own safetensors files, as anybody else's reader sees them."""

from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch

from wyoming_vietts.engines.vietts.model.weights import weights_source, write_weights
from wyoming_vietts.steps import finish


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    tensors = {
        "odd": torch.randint(-128, 127, (3, 5), generator=random, dtype=torch.int8),
        "scalar": torch.tensor(3.5),
        "empty": torch.empty(0, 4),
        "turned": torch.randn(7, 300, generator=random).T,
        "half": torch.randn(9, generator=random).bfloat16(),
        "whole": torch.arange(4),
        "large": torch.randn(3 << 20, generator=random),
    }
    path = tmp_path / "x.safetensors"
    finish(write_weights(tensors, path, "chào"))
    read = safetensors.torch.load_file(path)
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)
        with safetensors.safe_open(path, "pt") as file:
            assert file.get_tensor(name).data_ptr() % tensor.element_size() == 0
    assert weights_source(path) == "chào"
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("size", [0, 1, 100])
def test_file_without_an_origin_has_none(tmp_path: Path, size: int) -> None:
    finish(write_weights({"a": torch.ones(size)}, tmp_path / "x.safetensors"))
    assert weights_source(tmp_path / "x.safetensors") is None
