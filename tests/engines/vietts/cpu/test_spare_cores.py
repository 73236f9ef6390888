"""Cores that other processes leave."""

import os
import time
from pathlib import Path

import pytest

from wyoming_vietts.engines.vietts.cpu import spare_cores
from wyoming_vietts.engines.vietts.cpu.spare_cores import SpareCores


class Machine:
    """A machine with a clock of its own."""

    def __init__(self, cores: int, stat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = self.own = self.busy = 0.0
        self.stat = stat
        monkeypatch.setattr(spare_cores, "_STAT", stat)
        monkeypatch.setattr(os, "cpu_count", lambda: cores)
        monkeypatch.setattr(time, "monotonic", lambda: self.seconds)
        monkeypatch.setattr(time, "process_time", lambda: self.own)
        self.run(0, 0, 0)

    def run(self, seconds: float, own: float, others: float) -> None:
        """Let time pass, while this process and others keep so many cores busy."""
        self.seconds += seconds
        self.own += own * seconds
        self.busy += (own + others) * seconds
        ticks = round(self.busy * os.sysconf("SC_CLK_TCK"))
        self.stat.write_text(f"cpu  {ticks} 0 0 99 0 0 0 0 0 0\ncpu0 1 2 3\n")


@pytest.mark.parametrize(
    ("cores", "granted", "own", "others", "count"),
    [
        (2, 2, 2.0, 0.0, 2),
        (2, 2, 1.7, 0.3, 2),
        (2, 2, 1.3, 0.7, 1),
        (2, 2, 1.0, 1.0, 1),
        (2, 2, 0.7, 1.3, 1),
        (4, 4, 2.0, 2.0, 2),
        (16, 4, 4.0, 8.0, 4),
        (16, 4, 1.0, 15.0, 1),
    ],
)
def test_cores_that_others_keep_busy_are_left_to_them(
    cores: int,
    granted: int,
    own: float,
    others: float,
    count: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(cores, tmp_path / "stat", monkeypatch)
    spare = SpareCores(granted)
    machine.run(0.1, own, others)
    assert not spare.update(), "too soon to tell"
    machine.run(1.0, own, others)
    assert spare.update() == (count != granted)
    assert spare.count == count
    machine.run(1.0, 1.0, 0.0)
    spare.update()
    assert spare.count == granted


def test_system_that_does_not_say_is_taken_as_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spare_cores, "_STAT", tmp_path / "nothing")
    monkeypatch.setattr(spare_cores, "LOOK_SECONDS", 0.0)
    spare = SpareCores(3)
    assert not spare.update()
    assert spare.count == 3
