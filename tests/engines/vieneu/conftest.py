from pathlib import Path

import pytest

from tests.engines.vieneu.tiny_model import write_model


@pytest.fixture(scope="session")
def vieneu_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model; copy the folder before changing a file."""
    return write_model(tmp_path_factory.mktemp("vieneu"))
