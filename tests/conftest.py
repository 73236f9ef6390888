"""Leaves the tests of the neural voice out where its packages are not installed."""

import gc
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

HAS_TORCH = find_spec("torch") is not None
NEURAL = re.compile(r"\b(tests|wyoming_vietts)\.engines\.vietts\b|\bmodel_dirs?: (Path|dict)")
pytest_plugins = ["tests.engines.vietts.fixtures"] if HAS_TORCH else []


def pytest_report_header() -> str | None:
    return None if HAS_TORCH else "without PyTorch: tests of the neural voice are left out"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Ignore a file that uses the neural engine; None leaves the decision to pytest."""
    if HAS_TORCH or collection_path.suffix != ".py":
        return None
    return bool(NEURAL.search(collection_path.read_text("utf-8"))) or None


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[None]:
    """Freeze objects as the server does: looking through those of other tests is a long step."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
