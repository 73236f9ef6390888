"""Memory, as the C library and the kernel hand it out."""

import ctypes
import mmap

from torch import Tensor

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_freed_memory() -> None:
    """Have glibc keep large blocks that are freed, for the next tensors.

    It would give them back to the kernel at once, so that every new tensor has its pages mapped and
    cleared anew: a sixth of the vocoder's time.  Other C libraries have no such setting.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)  # the most that every glibc takes
        mallopt(_M_TRIM_THRESHOLD, 1 << 30)


def forget(tensor: Tensor) -> None:
    """Give back the pages of a tensor on the CPU, in one piece, that nobody will read again.

    A tensor of a mapped file would keep them until the last tensor of that file is gone.
    """
    if not (tensor.is_cpu and tensor.is_contiguous()):
        return
    first = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    length = tensor.data_ptr() + tensor.nbytes - first
    madvise = getattr(ctypes.CDLL(None), "madvise", None)
    if madvise is not None and length >= mmap.PAGESIZE:
        whole_pages = length - length % mmap.PAGESIZE
        madvise(ctypes.c_void_p(first), ctypes.c_size_t(whole_pages), mmap.MADV_DONTNEED)
