"""Converts PCM to samples and back."""

import numpy as np
import numpy.typing as npt

FULL_SCALE = 32767.0
"""The value of a sample of 1.0 in PCM."""


def encode_pcm(samples: npt.NDArray[np.float32], full_scale: float = FULL_SCALE) -> bytes:
    """Turn samples [N] into PCM, clipped to int16.

    Args:
        full_scale: see `FULL_SCALE`; less is quieter.
    """
    scaled = np.rint(samples * np.float32(full_scale))
    pcm: bytes = np.clip(scaled, -32768, 32767).astype("<i2").tobytes()
    return pcm


def decode_pcm(pcm: bytes) -> npt.NDArray[np.float32]:
    """Turn PCM into samples [N] in -32768 ... 32767."""
    return np.frombuffer(pcm, np.dtype("<i2")).astype(np.float32)
