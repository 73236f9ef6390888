"""Each audio format, made piece by piece, is a stream that other programs decode."""

import io
import resource
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from wyoming_vietts.errors import RequestError
from wyoming_vietts.frontends.http.formats import (
    OPENAI_SAMPLE_RATE,
    available_formats,
    make_encoder,
)

SECONDS = 2.0
HERTZ = 440.0


def tone(sample_rate: int) -> np.ndarray:
    time = np.arange(round(SECONDS * sample_rate)) / sample_rate
    return np.rint(10_000 * np.sin(2 * np.pi * HERTZ * time)).astype("<i2")


def encoded(name: str, sample_rate: int) -> Iterator[bytes]:
    encoder = make_encoder(name, sample_rate)
    samples = tone(sample_rate)
    for start in range(0, len(samples), 1500):
        yield encoder.encode(samples[start : start + 1500].tobytes())
    yield encoder.finish()


def decoded(name: str, content: bytes) -> tuple[np.ndarray, int]:
    if name == "pcm":
        return np.frombuffer(content, "<i2"), OPENAI_SAMPLE_RATE
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        to_int16 = av.AudioResampler(format="s16", layout="mono")
        frames = [f.to_ndarray()[0] for d in container.decode(stream) for f in to_int16.resample(d)]
        return np.concatenate(frames), stream.rate


@pytest.mark.parametrize("sample_rate", [16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("name", available_formats())
def test_sound_stays_what_it_was(name: str, sample_rate: int) -> None:
    samples, rate = decoded(name, b"".join(encoded(name, sample_rate)))
    assert len(samples) / rate == pytest.approx(SECONDS, abs=0.12)
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4].astype(float)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * rate / len(middle) == pytest.approx(HERTZ, rel=0.01)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(10_000 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("name", available_formats())
def test_bytes_come_while_the_audio_is_made(name: str) -> None:
    sizes = [len(piece) for piece in encoded(name, 22_050)]
    assert sum(sizes[: len(sizes) // 2]) > 0.4 * sum(sizes)


def test_wav_is_exact_and_read_by_other_libraries() -> None:
    samples, rate = soundfile.read(io.BytesIO(b"".join(encoded("wav", 22_050))), dtype="int16")
    assert rate == 22_050
    assert np.array_equal(samples, tone(22_050))


def test_without_pyav_all_formats_but_aac_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "av" else ...)
    with pytest.raises(RequestError) as refused:
        make_encoder("aac", 22_050)
    assert str(refused.value) == "Unknown format 'aac'; available: wav, pcm, mp3, flac, opus"
    for name in ("wav", "pcm", "mp3", "flac", "opus"):
        assert b"".join(encoded(name, 22_050))


@pytest.mark.parametrize("name", available_formats())
def test_sample_rate_is_as_it_is_asked_for(name: str) -> None:
    encoder = make_encoder(name, 22_050, 24_000)
    content = encoder.encode(tone(22_050).tobytes()) + encoder.finish()
    assert encoder.sample_rate == 24_000
    samples = decoded(name, content)[0]
    rate = 48_000 if name == "opus" else 24_000  # Opus is always decoded at 48 kHz
    assert len(samples) / rate == pytest.approx(SECONDS, abs=0.12)


@pytest.mark.parametrize(
    ("name", "sample_rate", "message"),
    [
        ("opus", 22_050, "'sample_rate' is 22050; 'opus' has 8000, 12000, 16000, 24000, 48000"),
    ],
)
def test_impossible_sample_rate_is_refused(name: str, sample_rate: int, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        make_encoder(name, 22_050, sample_rate)
    assert str(refused.value) == message


@pytest.mark.parametrize("name", ["mp3", "flac", "opus"])
def test_codecs_start_no_threads_and_give_memory_back(name: str) -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6

    second = tone(22_050)[:22_050].tobytes()

    def crowd() -> None:
        encoders = [make_encoder(name, 22_050) for _ in range(100)]
        for encoder in encoders:
            encoder.encode(second)
        assert threads() == before
        assert resident_mb() - before_mb < 100
        for encoder in encoders:
            encoder.close()

    make_encoder(name, 22_050).close()
    before, before_mb = threads(), resident_mb()
    crowd()
    after_mb = resident_mb()
    for _ in range(5):  # in the memory of the first ones
        crowd()
    assert resident_mb() - after_mb < 15
