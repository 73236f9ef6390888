"""Makes bytes of an audio format from PCM, while the PCM is being made."""

import importlib.util
import io
import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from ...errors import RequestError
from ...speech.speech import SAMPLE_WIDTH

OPENAI_SAMPLE_RATE = 24_000  # of its format `pcm`

_UNKNOWN_LENGTH = 0xFFFFFFFF
_RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000)  # Hz


@dataclass(frozen=True)
class _Codec:
    """One of FFmpeg's."""

    content_type: str
    container: str
    name: str
    rates: tuple[int, ...] = _RATES
    """Sample rates that it has."""


_COMPRESSED = {
    "flac": _Codec("audio/flac", "flac", "flac"),
    "mp3": _Codec("audio/mpeg", "mp3", "libmp3lame"),
    "opus": _Codec("audio/ogg", "ogg", "libopus", (48_000, 24_000, 16_000)),
    "aac": _Codec("audio/aac", "adts", "aac"),
}
_CONTAINER_OPTIONS = {
    "flush_packets": "1",  # each packet at once
    "page_duration": "100000",  # of Ogg, in microseconds
}

FORMATS = ("wav", "pcm", *_COMPRESSED)


class Encoder(ABC):
    """Turns PCM of one answer into bytes of a format."""

    content_type: str

    @abstractmethod
    def encode(self, pcm: bytes) -> bytes:
        """Take the next piece of PCM; return the bytes that are ready."""

    def finish(self) -> bytes:
        """Return the rest, once all PCM has been taken."""
        return b""


def make_encoder(name: str, sample_rate: int) -> Encoder:
    """Begin the bytes of a format.

    Raises:
        RequestError: there is no such format, or a package for it is missing.
    """
    if name == "wav":
        return WavEncoder(sample_rate)
    if name == "pcm":
        return PcmEncoder(sample_rate)
    if name not in _COMPRESSED:
        raise RequestError(f"Unknown format '{name:.80}'; available: {', '.join(FORMATS)}")
    if not can_compress():
        raise RequestError(
            f"The format '{name}' needs the package av on the server: pip install av; "
            "available without it: wav, pcm"
        )
    return CompressingEncoder(_COMPRESSED[name], sample_rate)


def can_compress() -> bool:
    """The package for all formats but wav and pcm is there."""
    return importlib.util.find_spec("av") is not None


class WavEncoder(Encoder):
    """A WAV file whose header says that its length is unknown."""

    content_type = "audio/wav"

    def __init__(self, sample_rate: int) -> None:
        self._header = _wav_header(sample_rate)

    def encode(self, pcm: bytes) -> bytes:
        """Return the PCM, at first after the header."""
        header, self._header = self._header, b""
        return header + pcm


def _wav_header(sample_rate: int) -> bytes:
    """The 44 bytes before mono PCM, with the lengths that players take for "until it ends"."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", _UNKNOWN_LENGTH, b"WAVE", b"fmt ", 16, 1, 1),
        *(sample_rate, sample_rate * SAMPLE_WIDTH, SAMPLE_WIDTH, 8 * SAMPLE_WIDTH),
        *(b"data", _UNKNOWN_LENGTH),
    )


class PcmEncoder(Encoder):
    """Bare PCM at OpenAI's sample rate."""

    content_type = "audio/pcm"

    def __init__(self, sample_rate: int) -> None:
        self._resampler = soxr.ResampleStream(sample_rate, OPENAI_SAMPLE_RATE, 1, dtype="int16")

    def encode(self, pcm: bytes) -> bytes:
        """Return what is ready at the new rate."""
        return self._resampled(pcm, last=False)

    def finish(self) -> bytes:
        """Return the rest."""
        return self._resampled(b"", last=True)

    def _resampled(self, pcm: bytes, last: bool) -> bytes:
        samples = np.frombuffer(pcm, "<i2")
        resampled: bytes = self._resampler.resample_chunk(samples, last=last).tobytes()
        return resampled


class CompressingEncoder(Encoder):
    """A stream of one of FFmpeg's codecs."""

    def __init__(self, codec: _Codec, sample_rate: int) -> None:
        import av  # takes a fifth of a second, and few ask for it

        self.content_type = codec.content_type
        self._make_frame = av.AudioFrame.from_ndarray
        self._ready = _Ready()
        self._container = av.open(
            self._ready, "w", format=codec.container, container_options=_CONTAINER_OPTIONS
        )
        rate = min(codec.rates, key=lambda rate: (rate < sample_rate, abs(rate - sample_rate)))
        self._stream: Any = self._container.add_stream(codec.name, rate=rate, layout="mono")
        self._sample_rate = sample_rate

    def encode(self, pcm: bytes) -> bytes:
        """Return the packets that are ready."""
        frame = self._make_frame(np.frombuffer(pcm, "<i2")[None], format="s16", layout="mono")
        frame.sample_rate = self._sample_rate
        self._container.mux(self._stream.encode(frame))
        return self._ready.take()

    def finish(self) -> bytes:
        """Return the last packets."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._ready.take()


class _Ready(io.RawIOBase):
    """A file that is written, and never read or rewound, by an encoder."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        """What has been written since it was asked last."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken
