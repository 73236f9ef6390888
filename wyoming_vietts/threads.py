"""How threads wait for each other.

The libraries that compute with several threads let those that wait spin: they look again and again
whether there is work. On a machine with nothing else to do that is the quickest way. Beside another
busy process they spin on cores that the working threads need, and a sentence takes many times as
long. So they are told to spin only briefly, and then to sleep.
"""

import os
from collections.abc import MutableMapping

_SETTINGS = {
    "GOMP_SPINCOUNT": "2000",  # libgomp, which PyTorch has on Linux: turns of a loop
    "KMP_BLOCKTIME": "0",  # LLVM's and Intel's OpenMP: milliseconds
    "OPENBLAS_THREAD_TIMEOUT": "12",  # OpenBLAS, which numpy has: 2^12 clock cycles
}


def spin_briefly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Have waiting threads sleep soon, unless the user has said how they shall wait.

    The libraries read these variables when they are loaded.
    """
    if "OMP_WAIT_POLICY" in environment:
        return
    for variable, value in _SETTINGS.items():
        environment.setdefault(variable, value)
