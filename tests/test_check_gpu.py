"""script/check_gpu: its measurements run on a CPU, with tiny networks."""

import subprocess
import sys
from pathlib import Path

from tests.harness import clean_environment
from wyoming_vietts.engines.vietts.gpu.unet import BUCKETS

SCRIPT = Path(__file__).parents[1] / "script" / "check_gpu.py"


def test_a_device_is_checked_and_measured() -> None:
    assert BUCKETS  # imports PyTorch: without it, this file is left out
    result = subprocess.run(
        [sys.executable, SCRIPT, "--device", "cpu", "--tiny", "--clients", "1", "3"],
        env=clean_environment() | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "WRONG" not in result.stdout
    cells = [line.split("|")[1:4] for line in result.stdout.splitlines() if "|" in line]
    rows = {what.strip(): (eager.strip(), captured.strip()) for what, eager, captured in cells[2:]}
    assert float(rows.pop("capture, s")[1]) > 0
    assert "3 at a time: first audio, ms" in rows
    assert all(float(value) > 0 for pair in rows.values() for value in pair)
