"""Recordings of somebody speaking."""

import wave
from pathlib import Path

import numpy as np

from tests.harness import joined
from wyoming_vietts.engines.espeak.engine import EspeakEngine

SAMPLE_RATE = 22_050
TEXT = "hôm nay trời đẹp và nắng ấm, mọi người cùng nhau đi chơi ở công viên gần nhà."


def write_wav(path: Path, samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> Path:
    """Write samples [N] in -1 ... 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as wav:
        wav.setframerate(sample_rate)
        wav.setsampwidth(2)
        wav.setnchannels(1)
        wav.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


SPEED = 160 / 130  # a person's, of 160 words a minute


def record(path: Path, voice: str = "espeak-north-male") -> Path:
    """Write some seconds of speech."""
    pcm = joined(EspeakEngine().voices[voice].speak(TEXT, SPEED))
    return write_wav(path, np.frombuffer(pcm, "<i2") / 32768)
