"""Encodes PCM as an audio format, piece by piece."""

import importlib.util
import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from ...engines.pcm import SAMPLE_WIDTH
from ...errors import RequestError
from ..fields import check_choice

OPENAI_SAMPLE_RATE = 24_000
"""Of its format `pcm`, in Hz."""

WAV_HEADER_BYTES = 44

MOST_AT_ONCE = {"mp3": 64, "flac": 64, "opus": 64, "aac": 8}
"""Limits of answers at once, by format, as encoders take memory; PyAV adds threads to `aac`."""

_UNKNOWN_LENGTH = 0xFFFFFFFF
_OGG_PAGE_MILLISECONDS = 100.0
_SET_OGG_PAGE_LATENCY_MS = 0x1302  # a command of libsndfile


@dataclass(frozen=True)
class _Format:
    """A format and the settings of its encoder."""

    content_type: str
    rates: tuple[int, ...] = ()
    """Supported sample rates, in Hz; empty for all."""

    codec: tuple[str, str] | None = None
    """libsndfile's names of container and codec."""

    quality: tuple[tuple[str, object], ...] = ()


_RATES = (8_000, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_FORMATS = {
    "wav": _Format("audio/wav"),
    "pcm": _Format("audio/pcm"),
    "mp3": _Format(
        # At lower rates its frames are long, and so is the silence at either end.
        *("audio/mpeg", (22_050, 24_000, 32_000, 44_100, 48_000), ("MP3", "MPEG_LAYER_III")),
        # Constant: a variable rate needs a header that is known only at the end.
        (("bitrate_mode", "CONSTANT"), ("compression_level", 0.5)),
    ),
    "flac": _Format("audio/flac", (), ("FLAC", "PCM_16")),
    "opus": _Format(
        *("audio/ogg", (8_000, 12_000, 16_000, 24_000, 48_000), ("OGG", "OPUS")),
        (("compression_level", 0.75),),  # 70 kbit/s
    ),
    "aac": _Format("audio/aac", _RATES),
}


class Encoder:
    """Encodes the PCM of one answer: this one, as PCM."""

    def __init__(
        self, audio_format: _Format, voice_rate: int, sample_rate: int, head: bytes = b""
    ) -> None:
        """Encode PCM of `voice_rate` at `sample_rate`, in Hz; the `head` goes before it."""
        self.content_type = audio_format.content_type
        self.sample_rate = sample_rate
        self._resampler: Any = None
        if sample_rate != voice_rate:
            self._resampler = soxr.ResampleStream(voice_rate, sample_rate, 1, dtype="int16")
        self._sink = _Sink()
        self._sink.write(head)

    def encode(self, pcm: bytes) -> bytes:
        """Encode the next piece of PCM; return the bytes that are ready."""
        self._encode(self._resampled(pcm, last=False))
        return self._sink.take()

    def finish(self) -> bytes:
        """Return the rest, once all PCM has been taken."""
        self._encode(self._resampled(b"", last=True))
        self._end()
        return self._sink.take()

    def close(self) -> None:
        """Free memory, at the end or when the client has hung up."""

    def _encode(self, pcm: bytes) -> None:
        """Encode PCM at the sample rate of the format."""
        self._sink.write(pcm)

    def _end(self) -> None:
        self.close()

    def _resampled(self, pcm: bytes, last: bool) -> bytes:
        if self._resampler is None:
            return pcm
        samples = np.frombuffer(pcm, "<i2")
        resampled: bytes = self._resampler.resample_chunk(samples, last=last).tobytes()
        return resampled


def available_formats() -> tuple[str, ...]:
    """List the available formats; `aac` needs PyAV."""
    has_av = importlib.util.find_spec("av") is not None
    return tuple(name for name in _FORMATS if name != "aac" or has_av)


def make_encoder(name: str, voice_rate: int, sample_rate: int | None = None) -> Encoder:
    """Make the encoder of a format.

    Args:
        voice_rate: of the PCM, in Hz.
        sample_rate: of the audio, in Hz; None for that of the voice, or the next one that the
            format supports.

    Raises:
        RequestError: the format is not available, or does not support the sample rate.
    """
    check_choice("format", name, available_formats())
    audio_format = _FORMATS[name]
    rates = audio_format.rates
    if sample_rate is not None:
        if rates and sample_rate not in rates:
            known = ", ".join(map(str, rates))
            raise RequestError(f"'sample_rate' is {sample_rate}; '{name}' has {known}")
    elif name == "pcm":
        sample_rate = OPENAI_SAMPLE_RATE
    elif rates:  # the lowest that loses nothing
        sample_rate = min(rates, key=lambda rate: (rate < voice_rate, abs(rate - voice_rate)))
    arguments = audio_format, voice_rate, sample_rate or voice_rate
    if name in ("wav", "pcm"):
        return Encoder(*arguments, wav_header(arguments[-1]) if name == "wav" else b"")
    return _AacEncoder(*arguments) if name == "aac" else _CodecEncoder(*arguments)


def wav_header(sample_rate: int, pcm_bytes: int | None = None) -> bytes:
    """Return the 44 bytes before mono PCM.

    Args:
        pcm_bytes: length of the PCM; None if unknown: players then play until it ends.
    """
    riff, data = (_UNKNOWN_LENGTH,) * 2 if pcm_bytes is None else (36 + pcm_bytes, pcm_bytes)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1),
        *(sample_rate, sample_rate * SAMPLE_WIDTH, SAMPLE_WIDTH, 8 * SAMPLE_WIDTH),
        *(b"data", data),
    )


class _CodecEncoder(Encoder):
    """A stream of a codec of libsndfile; these start no threads."""

    def __init__(self, audio_format: _Format, voice_rate: int, sample_rate: int) -> None:
        import soundfile  # rarely used

        super().__init__(audio_format, voice_rate, sample_rate)
        assert audio_format.codec is not None
        container, name = audio_format.codec
        quality: dict[str, Any] = dict(audio_format.quality)
        self._file = soundfile.SoundFile(
            self._sink, "w", sample_rate, 1, name, format=container, **quality
        )
        if container == "OGG":  # by default, its pages hold a second
            milliseconds = soundfile._ffi.new("double *", _OGG_PAGE_MILLISECONDS)
            soundfile._snd.sf_command(self._file._file, _SET_OGG_PAGE_LATENCY_MS, milliseconds, 8)

    def close(self) -> None:
        self._file.close()

    def _encode(self, pcm: bytes) -> None:
        if pcm:
            self._file.buffer_write(pcm, "int16")


class _AacEncoder(Encoder):
    """A stream of AAC, by FFmpeg, as libsndfile has no encoder for it."""

    def __init__(self, audio_format: _Format, voice_rate: int, sample_rate: int) -> None:
        import av  # a fifth of a second, and rarely used

        super().__init__(audio_format, voice_rate, sample_rate)
        self._make_frame = av.AudioFrame.from_ndarray
        self._container = av.open(
            self._sink, "w", format="adts", container_options={"flush_packets": "1"}
        )
        self._stream: Any = self._container.add_stream("aac", rate=sample_rate, layout="mono")
        self._stream.codec_context.thread_count = 1

    def close(self) -> None:
        self._container.close()

    def _encode(self, pcm: bytes) -> None:
        if pcm:
            frame = self._make_frame(np.frombuffer(pcm, "<i2")[None], format="s16", layout="mono")
            frame.sample_rate = self.sample_rate
            self._container.mux(self._stream.encode(frame))

    def _end(self) -> None:
        self._container.mux(self._stream.encode(None))
        self.close()


class _Sink(io.RawIOBase):
    """A file for an encoder; writes to parts that have been sent are ignored."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._position = self._end = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._position == self._end:
            self._bytes += data
            self._end += len(data)
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._end)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        """Return what has been written since the last call."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken
