"""The number of cores that other processes leave idle.

Beside a busy process, the threads of a computation wait for the one on the busy core. Then fewer
threads are faster: with one of two cores busy, one thread takes 60 % of the time of two.
"""

import os
import time
from pathlib import Path

_STAT = Path("/proc/stat")
_BUSY_FIELDS = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal
LOOK_SECONDS = 0.3


class SpareCores:
    """Measures the load of other processes from time to time; on Linux only."""

    def __init__(self, granted: int) -> None:
        self.count = granted
        self._granted = granted
        self._seen = _look()

    def update(self) -> bool:
        """Update the count if it is older than `LOOK_SECONDS`; return whether it has changed."""
        if self._seen is None or time.monotonic() - self._seen[0] < LOOK_SECONDS:
            return False
        now = _look()
        if now is None:
            return False
        seconds, busy, own = (new - old for new, old in zip(now, self._seen, strict=True))
        self._seen = now
        spare = (os.cpu_count() or 1) - (busy - own) / seconds
        before, self.count = self.count, max(1, min(self._granted, round(spare)))
        return self.count != before


def _look() -> tuple[float, float, float] | None:
    """Return seconds of the clock, of busy processors, and of this process's CPU time."""
    try:
        first_line = _STAT.read_text().split("\n", 1)[0]
        ticks = [int(number) for number in first_line.split()[1:]]
        busy = sum(ticks[field] for field in _BUSY_FIELDS) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    return time.monotonic(), busy, time.process_time()
