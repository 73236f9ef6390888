"""What the tests of Piper voices share."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[None]:
    """Freeze objects as the server does: looking through those of other tests is a long step."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
