"""Counts the cores that this process may use."""

import math
import os
from pathlib import Path


def granted_cores() -> int:
    """Return the number of cores by CPU affinity and the control group's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        granted = math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        granted = math.inf
    return max(1, math.floor(min(cores or 1, granted)))
