"""Tiny model directories and their networks, made once a run, for all tests."""

from pathlib import Path

import pytest
import torch

from tests.engines.vietts.goldens import RATES
from tests.engines.vietts.tiny_model import write_model_dir
from wyoming_vietts.engines.vietts.model.loading import load_networks, load_plain_networks
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.steps import finish

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
        rate: finish(load_networks(path, CPU, torch.float32, torch.float32))
        for rate, path in model_dirs.items()
    }


@pytest.fixture(scope="session")
def plain_networks(model_dirs: dict[int, Path]) -> Networks:
    """As they are written down, without what makes them fast."""
    return finish(load_plain_networks(model_dirs[25], CPU, torch.float32, torch.float32))


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A directory that a test may damage."""
    return write_model_dir(tmp_path / "model", 25)
