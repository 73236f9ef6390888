"""Sets how idle threads wait.

The libraries that compute with several threads let idle ones spin, checking for work. That is the
fastest way to wait on an otherwise idle machine. Beside another busy process, spinning threads take
cores from working ones, and a sentence takes many times as long. So they spin only briefly, then
sleep.
"""

import os
from collections.abc import MutableMapping

_SETTINGS = {
    "GOMP_SPINCOUNT": "5000",  # libgomp, which PyTorch uses on Linux: loop iterations
    "KMP_BLOCKTIME": "0",  # LLVM's and Intel's OpenMP: milliseconds
    "OPENBLAS_THREAD_TIMEOUT": "12",  # OpenBLAS, which numpy uses: 2^12 clock cycles
}


def spin_briefly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Make waiting threads sleep soon, unless the user has chosen how they wait.

    The libraries read these variables when they are loaded.
    """
    if "OMP_WAIT_POLICY" in environment:
        return
    for variable, value in _SETTINGS.items():
        environment.setdefault(variable, value)
