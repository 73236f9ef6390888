"""When freed memory returns to the kernel."""

import subprocess
import sys

import torch

from wyoming_vietts.engines.memory import give_back_freed_memory, keep_freed_memory
from wyoming_vietts.engines.vietts.cpu.memory import resident_bytes


def test_freed_memory_is_given_back_when_it_is_asked_for() -> None:
    keep_freed_memory()
    tensors = [torch.ones(4 << 20) for _ in range(20)]  # 16 MiB each
    last = tensors[-1]  # keeps the heap from shrinking by itself
    with_all = resident_bytes()
    del tensors
    assert with_all - resident_bytes() < 200 << 20
    give_back_freed_memory()
    assert with_all - resident_bytes() > 280 << 20
    assert bool(last.all())


BLOCKS = """
from mmap import PAGESIZE
from pathlib import Path
from wyoming_vietts.engines.memory import mapped_blocks
def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGESIZE >> 20
def fill():
    return [bytearray(b"1") * (1 << 19) for _ in range(200)]  # 100 MiB
with mapped_blocks():
    mapped = fill()
kept = fill()
last, full = kept[-1], resident_mib()
del mapped
print(full - resident_mib())
del kept
print(full - resident_mib())
"""


def test_mapped_blocks_return_once_they_are_freed_and_others_are_kept() -> None:
    """In a process of its own, as blocks fill holes of the heap before they are mapped."""
    said = subprocess.check_output([sys.executable, "-c", BLOCKS], timeout=60)
    freed, freed_later = map(int, said.split())
    assert freed >= 95
    assert freed_later <= freed + 5
