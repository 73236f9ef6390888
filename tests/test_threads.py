"""Threads beside other busy processes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.engines.vietts.speech import voices_dir
from wyoming_vietts.threads import spin_briefly

__all__ = ["voices_dir"]

MATRICES = """
import time
import wyoming_vietts
import torch
torch.set_num_threads(2)
a = torch.randn(256, 256)
with torch.inference_mode():
    started = time.perf_counter()
    for _ in range(3000):
        a = (a @ a).clamp(-1, 1)
print(time.perf_counter() - started)
"""


@contextmanager
def busy_process() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_the_users_own_setting_is_kept() -> None:
    for user in ({"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "ACTIVE"}):
        environment = dict(user)
        spin_briefly(environment)
        assert environment.items() >= user.items()
    assert spin_briefly({"OMP_WAIT_POLICY": "ACTIVE"}) is None
