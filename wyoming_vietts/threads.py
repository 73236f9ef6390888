"""How threads wait for each other.

The libraries that compute with several threads let waiting threads spin: these check over and over
whether there is work. On an otherwise idle machine that is the fastest way to wait. Next to another
busy process, they spin on cores that the working threads need, and a sentence takes many times as
long. So they are told to spin only briefly and then to sleep.
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
