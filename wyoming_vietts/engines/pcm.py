"""PCM as all engines make it: mono, int16, little-endian."""

from collections.abc import Generator

PCM = Generator[bytes | None, None, None]
"""Yields PCM, or None as a pause."""

SAMPLE_WIDTH = 2
"""Bytes of a sample."""
