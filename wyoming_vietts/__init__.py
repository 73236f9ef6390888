"""A Wyoming text-to-speech server with a Vietnamese voice."""

import os

from .threads import spin_briefly

__version__ = "0.1.0"

# Before anything imports numpy, PyTorch or ONNX Runtime, which read their variables then.
spin_briefly()
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # or it reports to Microsoft what it runs
