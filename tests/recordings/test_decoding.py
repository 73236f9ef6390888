"""Audio files of many formats, harmless and hostile, decoded in short steps."""

import contextlib
import io
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
import soxr

from tests.recordings.test_recording import RATE, a_voice
from wyoming_vietts.errors import RecordingError
from wyoming_vietts.recordings.decoding import decode
from wyoming_vietts.recordings.recording import load_audio
from wyoming_vietts.steps import finish


def with_libsndfile(kind: str, samples: np.ndarray, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 48_000, format=kind, subtype=subtype)
    return file.getvalue()


def with_ffmpeg(
    format_: str, codec: str, samples: np.ndarray, rate: int = 48_000, bit_rate: int = 64_000
) -> bytes:
    """Encode [N, 1] at 48 kHz."""
    file = io.BytesIO()
    layout = "mono"
    with av.open(file, "w", format=format_) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout, bit_rate=bit_rate)
        resampler = av.AudioResampler(
            format=stream.codec_context.format, layout=layout, rate=rate, frame_size=1024
        )
        planes = np.ascontiguousarray(samples.T)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate = 48_000
        for resampled in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture(scope="module")
def half_a_minute() -> np.ndarray:
    """[N, 1] at 48 kHz."""
    return soxr.resample(a_voice(30), RATE, 48_000).astype(np.float32)[:, None]


ENCODERS: dict[str, Callable[[np.ndarray], bytes]] = {
    "wav": lambda samples: with_libsndfile("WAV", samples),
    "flac": lambda samples: with_libsndfile("FLAC", samples),
    "ogg": lambda samples: with_libsndfile("OGG", samples),
    "opus": lambda samples: with_libsndfile("OGG", samples, "OPUS"),
    "aiff": lambda samples: with_libsndfile("AIFF", samples),
    "mp3": lambda samples: with_libsndfile("MP3", samples),
    "caf": lambda samples: with_ffmpeg("caf", "alac", samples),
    "m4a": lambda samples: with_ffmpeg("mp4", "aac", samples),
    "mov": lambda samples: with_ffmpeg("mov", "aac", samples),
    "wma": lambda samples: with_ffmpeg("asf", "wmav2", samples),
    "webm": lambda samples: with_ffmpeg("webm", "libopus", samples),
    "amr": lambda samples: with_ffmpeg(
        "amr", "libopencore_amrnb", samples, rate=8_000, bit_rate=12_200
    ),
}


@pytest.mark.parametrize("suffix", ENCODERS)
def test_every_format_is_decoded_in_short_steps(half_a_minute: np.ndarray, suffix: str) -> None:
    content = ENCODERS[suffix](half_a_minute)
    blocks = [*decode(content, f"an.{suffix}")]
    seconds = [len(block.samples) / block.sample_rate for block in blocks if len(block.samples)]
    assert sum(seconds) == pytest.approx(30, abs=0.15)
    assert max(seconds) < 0.6
    heard = finish(load_audio(content, f"an.{suffix}"))
    assert np.sqrt(np.square(heard).mean()) == pytest.approx(0.045, abs=0.015)


def test_eight_channels_are_decoded_in_short_steps(half_a_minute: np.ndarray) -> None:
    content = with_libsndfile("OGG", np.repeat(half_a_minute, 8, axis=1))
    blocks = [*decode(content, "an.ogg")]
    assert max(block.samples.size for block in blocks) <= 8 * 0.25 * 48_000
    assert len([*load_audio(content, "an.ogg")]) >= 120


# --- hostile files -------------------------------------------------------------------------------


def id3(body: bytes) -> bytes:
    """A tag, with its length in seven bits a byte."""
    length = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + length + body


EMPTY_FRAMES = b"TXXX\0\0\0\0\0\0" * 1_600_000


@pytest.fixture(scope="module")
def mp3(half_a_minute: np.ndarray) -> bytes:
    return with_libsndfile("MP3", half_a_minute)


def test_tags_are_skipped_before_the_sound(mp3: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    plain = finish(load_audio(mp3, "an.mp3"))
    for tags in (id3(EMPTY_FRAMES), id3(b"TIT2") * 3, id3(b"\xff\xfb\x90\x64" * 1000)):
        for name in ("an.mp3", "The recording"):
            assert np.array_equal(finish(load_audio(tags + mp3, name)), plain)
    assert capfd.readouterr().err == ""


def test_tag_in_the_middle_is_skipped_in_short_steps(
    mp3: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    middle = len(mp3) // 2
    content = mp3[:middle] + id3(EMPTY_FRAMES) + mp3[middle:]
    blocks = [*decode(content, "an.mp3")]
    assert len(blocks) > len(content) / 2048
    sound = [len(block.samples) / block.sample_rate for block in blocks if len(block.samples)]
    assert sum(sound) == pytest.approx(30, abs=0.3)
    assert max(sound) < 0.6
    assert capfd.readouterr().err == ""


def test_noise_is_searched_for_frames_in_short_steps() -> None:
    steps: list[None] = []
    with pytest.raises(RecordingError, match="no MP3 frame"):
        steps.extend(load_audio(b"\xff\xfb\x90\x64" * 500_000, "an.mp3"))
    assert len(steps) > 2_000_000 / 2048


@pytest.mark.parametrize("content", [id3(b"\0" * 1000), id3(b"")[:8], b"\xff" * 5_000_000, b""])
def test_mp3_without_sound_is_no_audio(content: bytes) -> None:
    with pytest.raises(RecordingError, match=r"an\.mp3 cannot be read as audio"):
        finish(load_audio(content, "an.mp3"))


def test_hours_of_mp3_are_refused_before_they_are_decoded(
    mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = mp3[mp3.index(b"\xff\xfb", 500) :]
    with pytest.raises(RecordingError, match=r"is \d+ s long; at most 600 s allowed") as error:
        finish(load_audio(frames * 40, "an.mp3"))
    assert error.value.code == "too-long"


def atom(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def with_tags(m4a: bytes, count: int) -> bytes:
    """Each tag has a name of its own, which is compared with all before it."""
    tags = b"".join(
        atom(
            b"----",
            atom(b"mean", b"\0\0\0\0com")
            + atom(b"name", b"\0\0\0\0%x" % number)
            + atom(b"data", b"\0\0\0\1\0\0\0\0x"),
        )
        for number in range(count)
    )
    handler = atom(b"hdlr", b"\0" * 8 + b"mdirappl" + b"\0" * 9)
    user_data = atom(b"udta", atom(b"meta", b"\0\0\0\0" + handler + atom(b"ilst", tags)))
    start = m4a.index(b"moov") - 4
    (length,) = struct.unpack(">I", m4a[start : start + 4])
    movie = m4a[start + 8 : start + length]
    return m4a[:start] + atom(b"moov", movie + user_data) + m4a[start + length :]


def test_header_of_endless_tags_is_given_up(half_a_minute: np.ndarray) -> None:
    m4a = with_ffmpeg("mp4", "aac", half_a_minute)
    assert len(finish(load_audio(with_tags(m4a, 100), "an.m4a"))) > 29 * RATE
    hostile = with_tags(m4a, 30_000)
    started = time.thread_time()
    with contextlib.suppress(RecordingError):  # depends on where it was given up
        next(decode(hostile, "an.m4a"), None)
    assert time.thread_time() - started < 1.5, "5 s of computing, unless it is given up"


def test_table_that_a_header_claims_is_not_made(half_a_minute: np.ndarray) -> None:
    """Thirty million samples of one byte each take 700 MB and more than a second."""
    m4a = bytearray(with_ffmpeg("mp4", "aac", half_a_minute[:48_000]))
    struct.pack_into(">2I", m4a, m4a.index(b"stsz") + 8, 1, 30_000_000)
    struct.pack_into(">I", m4a, m4a.index(b"stsc") + 16, 30_000_000)
    started = time.thread_time()
    with pytest.raises(RecordingError):
        finish(load_audio(bytes(m4a), "an.m4a"))
    assert time.thread_time() - started < 0.3


def of_tiny_packets(tracks: list[int]) -> bytes:
    """Mux packets of one sample, at 48 kHz, each into a track of a Matroska file."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        streams = [
            container.add_stream("pcm_s16le", rate=48_000, layout="mono")
            for _ in range(max(tracks) + 1)
        ]
        for number, track in enumerate(tracks):
            packet = av.Packet(b"\0\1")
            packet.stream = streams[track]
            packet.pts = packet.dts = number // 48
            packet.time_base = Fraction(1, 1000)
            container.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize("tracks", [[0] * 10_000, [0, *[1] * 9_999]])
def test_tiny_packets_are_decoded_in_short_steps(tracks: list[int]) -> None:
    blocks = [*decode(of_tiny_packets(tracks), "an.mka")]
    assert len(blocks) >= 10_000 / 200
    assert sum(len(block.samples) for block in blocks) == tracks.count(0)


def test_endless_packets_are_refused() -> None:
    with pytest.raises(RecordingError, match=r"an\.mka has more than 100000 packets"):
        finish(load_audio(of_tiny_packets([0, *[1] * 100_000]), "an.mka"))


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("suffix", ENCODERS)
def test_damaged_files_leave_nothing_on_standard_error(
    half_a_minute: np.ndarray, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    draw = np.random.default_rng(0)
    content = np.frombuffer(ENCODERS[suffix](half_a_minute[: 3 * 48_000]), np.uint8)
    for damaged_bytes in (10, 100, 1000):
        damaged = content.copy()
        damaged[draw.integers(0, len(content), damaged_bytes)] = 255
        with contextlib.suppress(RecordingError):
            finish(load_audio(damaged.tobytes(), f"an.{suffix}"))
    for length in range(0, 60, 2):
        with contextlib.suppress(RecordingError):
            finish(load_audio(content[:length].tobytes(), f"an.{suffix}"))
    assert capfd.readouterr().err == ""


def test_recordings_are_read_without_pytorch() -> None:
    code = (
        "import sys, wyoming_vietts.recordings.recording\n"
        "print({'torch', 'torchaudio', 'onnxruntime'} & set(sys.modules))"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed == "set()\n"
