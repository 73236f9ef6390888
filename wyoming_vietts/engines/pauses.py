"""Pauses: a voice's own silence at the ends of a sentence, and the pause that replaces it.

Some voices leave half a second there, others nothing.
"""

from array import array
from contextlib import closing

from .pcm import PCM, SAMPLE_WIDTH

CLAUSE_SECONDS = 0.2
SENTENCE_SECONDS = 0.4
PARAGRAPH_SECONDS = 0.8

_SILENT = 130  # of 32767, -48 dBFS: quieter samples are silence
_MARGIN_SECONDS = 0.02  # is kept at both ends, as consonants begin and end softly
_FADE_SECONDS = 0.005


def pause_after(text: str) -> float:
    """Return the natural pause after a spoken text, in seconds at speed 1."""
    return SENTENCE_SECONDS if text.endswith((".", "!", "?")) else CLAUSE_SECONDS


def silence(seconds: float, sample_rate: int) -> bytes:
    """Return PCM of silence."""
    return bytes(SAMPLE_WIDTH * round(seconds * sample_rate))


def trimmed(pieces: PCM, sample_rate: int) -> PCM:
    """Leave out the silence at the ends of a sentence, wherever it is cut into pieces.

    A sentence that is silent as a whole stays as it is.
    """
    margin = SAMPLE_WIDTH * round(_MARGIN_SECONDS * sample_rate)
    held = b""  # silence, after which there may be more to hear
    has_begun = False
    with closing(pieces):
        for piece in pieces:
            ends = _sound(piece or b"")
            if not piece or ends is None:
                held += piece or b""
                yield None
                continue
            start, end = ends
            if not has_begun:
                skipped = max(0, len(held) + start - margin)
                spoken, held = (held + piece[:end])[skipped:], piece[end:]
                has_begun = True
            else:
                spoken, held = held + piece[:end], piece[end:]
            del piece  # before the wait: a crowd that listens slowly holds each sentence once
            yield spoken
    if rest := held[:margin] if has_begun else held:
        yield rest


def faded(pieces: PCM, sample_rate: int) -> PCM:
    """Fade both ends of a sentence: even quiet noise clicks where it begins or ends at once."""
    fade = SAMPLE_WIDTH * round(_FADE_SECONDS * sample_rate)
    held, given = b"", 0
    with closing(pieces):
        for piece in pieces:
            held += piece or b""
            ready = max(0, len(held) - fade)
            spoken, held = fade_in(held[:ready], fade, given), held[ready:]
            given += ready
            del piece  # as above
            yield spoken or None
    if held:
        yield _backwards(fade_in(_backwards(fade_in(held, fade, given)), fade))


def fade_in(pcm: bytes, fade: int, given: int = 0) -> bytes:
    """Fade the first `fade` bytes of a sound, of which `given` came before this PCM."""
    if given >= fade:
        return pcm
    samples = array("h", pcm)
    steps, first = fade // SAMPLE_WIDTH, given // SAMPLE_WIDTH
    for at, step in enumerate(range(first, min(steps, first + len(samples)))):
        samples[at] = samples[at] * step // steps
    return samples.tobytes()


def _backwards(pcm: bytes) -> bytes:
    return memoryview(pcm).cast("h")[::-1].tobytes()


def _sound(pcm: bytes) -> tuple[int, int] | None:
    """Return where PCM begins and ends to be more than silence, in bytes; None if it never is."""
    import numpy as np  # the embedded voices do without

    samples = np.frombuffer(pcm, "<i2")
    (loud,) = np.nonzero((samples <= -_SILENT) | (samples >= _SILENT))
    if not len(loud):
        return None
    return SAMPLE_WIDTH * int(loud[0]), SAMPLE_WIDTH * (int(loud[-1]) + 1)
