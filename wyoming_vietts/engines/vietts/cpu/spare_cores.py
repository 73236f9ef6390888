"""How many cores other processes leave.

Beside a busy process, threads that share one computation wait for the one that shares its core.
Then fewer threads are faster: on two cores of which one is busy, one thread takes three fifths of
the time that two take.
"""

import os
import time
from pathlib import Path

_STAT = Path("/proc/stat")
_BUSY_FIELDS = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal
LOOK_SECONDS = 0.3


class SpareCores:
    """Looks now and then at what other processes take; on other systems than Linux never."""

    def __init__(self, granted: int) -> None:
        """Begin with the cores that the process has been granted."""
        self.count = granted
        self._granted = granted
        self._seen = _look()

    def update(self) -> bool:
        """Look again if that was some time ago; tell whether the count has changed."""
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
    """Seconds of the clock, of all processors at work, and of this process."""
    try:
        first_line = _STAT.read_text().split("\n", 1)[0]
        ticks = [int(number) for number in first_line.split()[1:]]
        busy = sum(ticks[field] for field in _BUSY_FIELDS) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    return time.monotonic(), busy, time.process_time()
