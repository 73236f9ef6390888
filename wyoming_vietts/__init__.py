"""A Wyoming text-to-speech server with a Vietnamese voice."""

__version__ = "0.1.0"
