"""Tiny model directories and their networks, made once a run."""

from pathlib import Path

import pytest
import torch

from wyoming_vietts.vietts.networks import Networks, load_networks

from .goldens import RATES
from .tiny_model import write_model_dir

CPU = torch.device("cpu")
torch.set_num_threads(1)  # a tiny network gains nothing by more, and waits where cores are shared


@pytest.fixture(scope="session")
def model_dirs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """By token rate; not to be changed."""
    folder = tmp_path_factory.mktemp("models")
    return {rate: write_model_dir(folder / str(rate), rate, rate) for rate in RATES}


@pytest.fixture(scope="session")
def networks(model_dirs: dict[int, Path]) -> dict[int, Networks]:
    """By token rate."""
    return {
        rate: load_networks(path, CPU, torch.float32, torch.float32)
        for rate, path in model_dirs.items()
    }


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A directory that a test may damage."""
    return write_model_dir(tmp_path / "model", 25)
