"""Cores that the machine grants."""

import math
import os
from pathlib import Path


def granted_cores() -> int:
    """Cores that this process may use, by its CPU affinity and its control group's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        granted = math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        granted = math.inf
    return max(1, math.floor(min(cores or 1, granted)))
