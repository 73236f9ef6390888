from pathlib import Path

import pytest

from tests.engines.vieneu.tiny_model import write_model


@pytest.fixture(scope="session")
def vieneu_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model; whoever changes a file copies the folder first."""
    return write_model(tmp_path_factory.mktemp("vieneu"))
