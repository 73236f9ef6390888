"""Controls when the C library returns freed memory to the kernel.

Other C libraries than glibc have no such settings.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def give_back_freed_memory() -> None:
    """Return to the kernel the freed memory that the C library retains."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(ctypes.c_size_t(0))


def keep_freed_memory() -> None:
    """Make glibc keep large freed blocks for the next tensors.

    By default it returns them to the kernel at once, which maps and clears pages again for every
    new tensor: a sixth of the time of VietTTS's vocoder.
    """
    _set_thresholds(32 << 20)  # the largest value that every glibc accepts


@contextmanager
def mapped_blocks() -> Iterator[None]:
    """Make glibc map each block of 256 KiB or more by itself, and keep freed ones afterwards.

    A mapped block returns to the kernel once it is freed. One of the heap leaves a hole there, and
    the next ones scatter over many holes.
    """
    _set_thresholds(256 << 10)
    try:
        yield
    finally:
        keep_freed_memory()


def _set_thresholds(mapped_bytes: int) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, mapped_bytes)
        mallopt(_M_TRIM_THRESHOLD, 1 << 30)
