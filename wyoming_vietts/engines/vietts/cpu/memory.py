"""Bounds caches, and releases the pages of mapped files."""

import ctypes
import mmap
import os
from collections.abc import Iterable, MutableMapping
from pathlib import Path

from torch import Tensor, nn

_STATM, _MAPS = Path("/proc/self/statm"), Path("/proc/self/maps")


def bound_primitive_caches(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let PyTorch and oneDNN keep 256 compiled primitives in place of 1024 each.

    Each operator on each shape is one, of about 0.5 MB, and a sentence of a new length has a
    hundred of them: with 1024, memory grows by 600 MB over some hundred sentences. 256 serve two
    sentences at once. To be called before the first operator, which reads these variables.
    """
    for cache in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
        environment.setdefault(cache, "256")


def resident_bytes() -> int:
    """Return the resident memory of this process; 0 on systems other than Linux."""
    return int(_STATM.read_text().split()[1]) * mmap.PAGESIZE if _STATM.exists() else 0


def forget(tensor: Tensor) -> None:
    """Release the pages of a contiguous CPU tensor that will not be read again.

    By default, a tensor of a mapped file keeps them until the file's last tensor is gone.
    """
    if not (tensor.is_cpu and tensor.is_contiguous()):
        return
    first = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    length = tensor.data_ptr() + tensor.nbytes - first
    if length >= mmap.PAGESIZE:
        _release(first, length - length % mmap.PAGESIZE)


def forget_copied(tensors: Iterable[Tensor], network: nn.Module) -> None:
    """Call `forget` on those tensors that a network has copied and does not share."""
    used = {tensor.data_ptr() for tensor in network.state_dict().values()}
    for tensor in tensors:
        if tensor.data_ptr() not in used:
            forget(tensor)


def release_pages(files: Iterable[int]) -> None:
    """Release the pages of mapped files, which the next access maps again; on Linux only.

    Args:
        files: descriptors. Pages that have been written to would lose that.
    """
    if not _MAPS.exists():
        return
    paths = {os.readlink(f"/proc/self/fd/{file}") for file in files}
    for line in _MAPS.read_text().splitlines():
        addresses, *_, path = line.split(maxsplit=5)
        if path in paths:
            first, end = (int(address, 16) for address in addresses.split("-"))
            _release(first, end - first)


def _release(first: int, length: int) -> None:
    madvise = getattr(ctypes.CDLL(None), "madvise", None)
    if madvise is not None:
        madvise(ctypes.c_void_p(first), ctypes.c_size_t(length), mmap.MADV_DONTNEED)
