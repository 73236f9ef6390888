"""Returns freed memory to the kernel."""

import ctypes


def give_back_freed_memory() -> None:
    """Return to the kernel the freed memory that the C library retains."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(ctypes.c_size_t(0))
