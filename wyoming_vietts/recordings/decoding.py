"""Decodes audio files of many formats into blocks of samples, a few milliseconds each."""

import ctypes
import io
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import av
import av._core
import numpy as np
import numpy.typing as npt
import soundfile

from ..errors import RecordingError

MPEG_SUFFIXES = (".mp3",)
LIBSNDFILE_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".aiff", ".aif")
FFMPEG_SUFFIXES = (
    ".m4a", ".mp4", ".mov", ".aac", ".3gp", ".amr", ".caf", ".webm", ".mka", ".wma",
)  # fmt: skip
SUFFIXES = (*LIBSNDFILE_SUFFIXES, *MPEG_SUFFIXES, *FFMPEG_SUFFIXES)

MAX_FILE_SECONDS = 600.0
MIN_SAMPLE_RATE = 4000
MAX_SAMPLES_A_SECOND = 400_000  # of all channels

_BLOCK_SECONDS = 0.25
_MPEG_BYTES = 2048  # a quarter of a second at 64 kbit/s
_COUNTED_BYTES = 65536
_PACKETS_A_STEP = 200
_MAX_PACKETS = 100_000  # Opus in its shortest, 2.5 ms, beside a film: 30,000 in the first minute
_MAX_OPENING_SECONDS = 0.2  # of computing: 10,000 tags in a header take longer
_MAX_BUFFER_BYTES = 16 << 20  # of ffmpeg: a header of 1 kB can claim a table of gigabytes
_READ_BYTES = 1024  # in which a header has two or three such tables
_MAX_ID3_TAGS = 100
_MPEG_TAGS = (b"Xing", b"Info")  # in a first frame that counts the others and has no sound

Samples = npt.NDArray[np.float32]


# PyAV has no name for it.
if hasattr(ffmpeg := ctypes.CDLL(av._core.__file__), "av_max_alloc"):
    ffmpeg.av_max_alloc(ctypes.c_size_t(_MAX_BUFFER_BYTES))


class Block(NamedTuple):
    """Some of a file's samples."""

    samples: Samples
    """[N, channels] in -1 ... 1; N may be 0."""

    sample_rate: int
    """Hz."""


_NOTHING = Block(np.zeros((0, 1), np.float32), 0)


def decode(content: bytes, name: str, max_seconds: float = MAX_FILE_SECONDS) -> Iterator[Block]:
    """Decode an audio file, block by block.

    Args:
        content: of the file.
        name: of the file, for messages; its suffix tells the format, or else the content does.
        max_seconds: longer files are refused.

    Raises:
        RecordingError: not audio, too long, or of too many samples a second.
    """
    content = _without_id3(content)
    suffix = name.lower()
    try:
        if suffix.endswith(FFMPEG_SUFFIXES):
            yield from _decode_with_ffmpeg(content, name, max_seconds)
        elif suffix.endswith(MPEG_SUFFIXES) or content.startswith(b"\xff"):
            yield from _decode_mpeg(content, name, max_seconds)
        else:
            yield from _decode_with_libsndfile(content, name, max_seconds)
    except soundfile.LibsndfileError as error:
        raise RecordingError(f"{name} cannot be read as audio: {error.error_string}") from error
    except av.FFmpegError as error:
        raise RecordingError(f"{name} cannot be read as audio: {error.strerror}") from error


def _decode_with_libsndfile(content: bytes, name: str, max_seconds: float) -> Iterator[Block]:
    opening = _BoundedFile(content)
    with soundfile.SoundFile(opening) as file:
        opening.is_open = True
        rate = int(file.samplerate)
        _check_format(name, rate, file.channels)
        _check_length(name, file.frames / rate, max_seconds)
        size = int(_BLOCK_SECONDS * rate)
        while len(samples := file.read(size, dtype="float32", always_2d=True)):
            yield Block(samples, rate)


def _decode_mpeg(content: bytes, name: str, max_seconds: float) -> Iterator[Block]:
    """Decode MP3 without a demuxer, which would read every tag of a file."""
    codec = av.CodecContext.create("mp3", "r")
    count = 0
    for start in range(0, len(content), _COUNTED_BYTES):
        count += len(codec.parse(content[start : start + _COUNTED_BYTES]))
        yield _NOTHING
    codec = av.CodecContext.create("mp3", "r")
    to_float = av.AudioResampler(format="fltp")
    has_sound = False
    for start in range(0, len(content), _MPEG_BYTES):
        pieces = []
        for packet in codec.parse(content[start : start + _MPEG_BYTES]):
            if any(tag in bytes(packet)[:64] for tag in _MPEG_TAGS):
                continue
            try:
                frames = codec.decode(packet)
            except av.FFmpegError:  # such as: a tag in the middle of the file
                continue
            for frame in frames:
                if not has_sound:
                    _check_format(name, frame.sample_rate, len(frame.layout.channels))
                    _check_length(name, count * frame.samples / frame.sample_rate, max_seconds)
                    has_sound = True
                pieces += _pieces(to_float, frame, name)
        yield _joined(pieces)
    if not has_sound:
        raise RecordingError(f"{name} cannot be read as audio: it has no MP3 frame")


def _decode_with_ffmpeg(content: bytes, name: str, max_seconds: float) -> Iterator[Block]:
    opening = _BoundedFile(content)
    with av.open(
        opening, mode="r", metadata_errors="replace", buffer_size=_READ_BYTES
    ) as container:
        opening.is_open = True
        stream: Any = container.streams.best("audio")
        if stream is None or stream.codec_context is None:
            raise RecordingError(f"{name} cannot be read as audio: it has no known audio stream")
        _check_format(name, stream.rate, stream.channels)
        _check_length(name, (container.duration or 0) / av.time_base, max_seconds)
        to_float = av.AudioResampler(format="fltp")
        pieces: list[Block] = []
        seconds = 0.0
        # All streams: `demux` would skip the packets of others without a pause.
        for count, packet in enumerate(container.demux(), start=1):
            if count > _MAX_PACKETS:
                raise RecordingError(
                    f"{name} has more than {_MAX_PACKETS} packets; save it again, as WAV"
                )
            if packet.stream_index == stream.index:
                for frame in packet.decode():
                    converted = _pieces(to_float, frame, name)
                    seconds += sum(len(piece.samples) / piece.sample_rate for piece in converted)
                    pieces += converted
            if seconds >= _BLOCK_SECONDS or count % _PACKETS_A_STEP == 0:
                yield _joined(pieces)
                pieces, seconds = [], 0.0
        yield _joined(pieces)


def _pieces(to_float: Any, frame: Any, name: str) -> list[Block]:
    """Convert an FFmpeg frame to float."""
    try:
        converted = to_float.resample(frame)
    except ValueError as error:
        raise RecordingError(
            f"{name} changes its sample rate or channels midway; save it again, as WAV"
        ) from error
    return [Block(each.to_ndarray().T, each.sample_rate) for each in converted]


def _joined(pieces: list[Block]) -> Block:
    if not pieces:
        return _NOTHING
    return Block(np.concatenate([piece.samples for piece in pieces]), pieces[0].sample_rate)


def _check_length(name: str, seconds: float, max_seconds: float) -> None:
    if seconds > max_seconds:
        raise RecordingError(
            f"{name} is {seconds:.0f} s long; at most {max_seconds:.0f} s allowed", "too-long"
        )


def _check_format(name: str, sample_rate: int, channels: int) -> None:
    """Refuse formats that take long to decode or resample."""
    if sample_rate * channels > MAX_SAMPLES_A_SECOND:
        raise RecordingError(
            f"{name} has {channels} channels of {sample_rate} samples a second; "
            "save it with one of 48000"
        )
    if 0 < sample_rate < MIN_SAMPLE_RATE:  # 0 where the header does not state it
        raise RecordingError(
            f"{name} has {sample_rate} samples a second; at least {MIN_SAMPLE_RATE} needed"
        )


def _without_id3(content: bytes) -> bytes:
    """Skip the ID3v2 tags before the audio."""
    start = 0
    for _ in range(_MAX_ID3_TAGS):
        header = content[start : start + 10]
        if len(header) < 10 or not header.startswith(b"ID3"):
            break
        has_footer = bool(header[5] & 0x10)
        # Seven bits of each byte count, so that no length looks like the start of a frame.
        length = 0
        for byte in header[6:]:
            length = length << 7 | byte & 0x7F
        start += 10 + length + 10 * has_footer
    return content[start:]


class _BoundedFile(io.BytesIO):
    """Ends early where the header takes too long to read, such as one with 10,000 tags."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.is_open = False
        self._until = time.thread_time() + _MAX_OPENING_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        return b"" if self._is_late() else super().read(size)

    def readinto(self, buffer: Any, /) -> int:
        return 0 if self._is_late() else super().readinto(buffer)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        # An exception in this callback would print a stack trace.
        return super().seek(offset if whence else max(0, offset), whence)

    def _is_late(self) -> bool:
        return not self.is_open and time.thread_time() > self._until
