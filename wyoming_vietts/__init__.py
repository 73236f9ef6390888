"""A Wyoming text-to-speech server with a Vietnamese voice."""

from .threads import spin_briefly

__version__ = "0.1.0"

spin_briefly()  # before anything imports numpy or PyTorch
