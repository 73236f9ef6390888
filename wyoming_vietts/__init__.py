"""A Wyoming text-to-speech server with a Vietnamese voice."""

from .threads import spin_briefly

__version__ = "0.1.0"

# Before anything imports numpy or PyTorch, which read their variables then.
spin_briefly()
