"""Each audio format, made piece by piece, is a stream that other programs decode."""

import io
from collections.abc import Iterator

import av
import numpy as np
import pytest
import soundfile

from wyoming_vietts.errors import RequestError
from wyoming_vietts.frontends.http import formats
from wyoming_vietts.frontends.http.formats import FORMATS, OPENAI_SAMPLE_RATE, make_encoder

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
@pytest.mark.parametrize("name", FORMATS)
def test_sound_stays_what_it_was(name: str, sample_rate: int) -> None:
    samples, rate = decoded(name, b"".join(encoded(name, sample_rate)))
    assert len(samples) / rate == pytest.approx(SECONDS, abs=0.12)
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4].astype(float)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * rate / len(middle) == pytest.approx(HERTZ, rel=0.01)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(10_000 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_come_while_the_audio_is_made(name: str) -> None:
    sizes = [len(piece) for piece in encoded(name, 22_050)]
    assert sum(sizes[: len(sizes) // 2]) > 0.4 * sum(sizes)


def test_wav_is_exact_and_read_by_other_libraries() -> None:
    samples, rate = soundfile.read(io.BytesIO(b"".join(encoded("wav", 22_050))), dtype="int16")
    assert rate == 22_050
    assert np.array_equal(samples, tone(22_050))


def test_format_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "can_compress", lambda: False)
    with pytest.raises(RequestError, match=r"'mp3' needs the package av.*pip install av.*wav, pcm"):
        make_encoder("mp3", 22_050)
    assert make_encoder("pcm", 22_050).encode(tone(22_050).tobytes())
