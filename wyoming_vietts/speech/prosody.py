"""Volume and pitch, for the PCM of every engine.

NumPy and soxr are imported by the first request that changes one of them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soxr import ResampleStream


def scale(pcm: bytes, factor: float) -> bytes:
    """PCM with its amplitude times `factor`, clipped to 16 bits."""
    if factor == 1.0:
        return pcm
    from ..engines.samples import decode_pcm, encode_pcm

    return encode_pcm(decode_pcm(pcm), full_scale=factor)


class PitchShifter:
    """Raises the pitch of consecutive PCM pieces by resampling them: they also become shorter."""

    def __init__(self, factor: float) -> None:
        """Begin a stretch of audio; `factor` 2 raises it by an octave and halves its duration."""
        self._resampler: ResampleStream | None = None
        if factor != 1.0:
            import soxr

            self._resampler = soxr.ResampleStream(factor, 1.0, 1, dtype="float32")

    def shift(self, pcm: bytes) -> bytes:
        """Take the next piece; return the output that is ready."""
        return self._resampled(pcm, last=False)

    def finish(self) -> bytes:
        """Return the rest, once the last piece has been taken."""
        return self._resampled(b"", last=True)

    def _resampled(self, pcm: bytes, last: bool) -> bytes:
        if self._resampler is None:
            return pcm
        from ..engines.samples import decode_pcm, encode_pcm

        return encode_pcm(
            self._resampler.resample_chunk(decode_pcm(pcm), last=last), full_scale=1.0
        )
