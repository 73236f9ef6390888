"""What the tests of Piper voices share."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[None]:
    """Collect and freeze as the server does: to look through what other tests left is a long step."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
