"""Piper voices: files to voices, sentences to PCM, on the real server."""

import asyncio
import json
import logging
import os
import unicodedata
from itertools import count, pairwise, zip_longest
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.engines.piper.tiny_voice import (
    FRAMES_AN_ID,
    HOP,
    SAMPLE_RATE,
    SENTENCE,
    make_engine,
    rescan,
    samples,
    voice_of,
    write_voice,
)
from tests.harness import (
    pcm_of,
    ready_server,
    running_server,
    stream,
    synthesize,
    types,
    voice_names,
)
from wyoming_vietts.engines.onnx.files import open_model
from wyoming_vietts.engines.piper import network as network_module
from wyoming_vietts.engines.piper import voice as module
from wyoming_vietts.engines.piper.config import Scales, load_config
from wyoming_vietts.engines.piper.graph import Cut, cut
from wyoming_vietts.engines.piper.network import PiperNetwork
from wyoming_vietts.engines.piper.phonemes import phoneme_ids, phonemes, pieces
from wyoming_vietts.errors import ModelError
from wyoming_vietts.steps import finish

GOLDEN: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("golden").joinpath("phonemes.json").read_text("utf-8")
)
LONG = "hôm nay trời nhiều mây và có mưa rào vào buổi chiều " * 8 + "."


# --- phonemes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("espeak_voice", GOLDEN)
def test_phonemes_are_those_of_piper(espeak_voice: str, tmp_path: Path) -> None:
    path = write_voice(tmp_path / "an.onnx", espeak={"voice": espeak_voice})
    config = load_config(path.with_name("an.onnx.json"))
    assert len(GOLDEN[espeak_voice]) >= 40
    for sentence, expected in GOLDEN[espeak_voice].items():
        made = "".join(phonemes(clauses, config) for clauses in pieces(sentence))
        if sentence[-1] not in ".?!":
            expected += "."  # a sentence that ends without a mark gets one
        assert made == expected, sentence


def test_ids_have_a_blank_after_each_phoneme_and_leave_out_what_is_unknown(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx")
    config = load_config(tmp_path / "an.onnx.json")
    ids, unknown = phoneme_ids("a☂b", config)
    a, b = config.ids["a"][0], config.ids["b"][0]
    assert ids == [1, 0, a, 0, b, 0, 2]
    assert unknown == {"☂"}


def test_letters_are_phonemes_where_the_voice_was_trained_so(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx", phoneme_type="text")
    config = load_config(tmp_path / "an.onnx.json")
    spoken = phonemes(["xin chà,", "bạn"], config)
    assert unicodedata.normalize("NFC", spoken) == "xin chà, bạn."
    assert len(spoken) == len("xin chà, bạn.") + 2, "letters and marks are phonemes of their own"


def test_little_is_computed_at_once() -> None:
    groups = list(pieces(LONG))
    spoken = " ".join(part for group in groups for part in group)
    assert spoken.replace(",", "") == LONG.replace(" .", ".").strip()
    assert all(group[-1][-1] in ",." for group in groups), "a part of a clause ends in a comma"
    assert all(sum(map(len, group)) <= 80 for group in groups)
    assert len(list(pieces("một, hai, ba, bốn."))) == 1


# --- the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize("speakers", [1, 3])
def test_windows_put_together_are_the_whole(speakers: int, tmp_path: Path) -> None:
    path = write_voice(tmp_path / "an.onnx", speakers=speakers)
    network = PiperNetwork(path, SAMPLE_RATE, threads=1)
    list(network.load())
    speaker = None if speakers == 1 else 2
    latents = finish(network.latents([*range(3, 40)], Scales().without_noise(), speaker))
    frames = latents.shape[2]
    assert frames == 37 * FRAMES_AN_ID
    whole = finish(network.decode(latents, 0, frames, speaker))
    assert len(whole) == frames * HOP
    ends = [0, 1, 2, 10, 50, 51, 100, frames]
    windows = [finish(network.decode(latents, *pair, speaker)) for pair in pairwise(ends)]
    np.testing.assert_allclose(np.concatenate(windows), whole, atol=1e-5)


@pytest.mark.parametrize("speakers", [1, 3])
def test_parts_compute_what_the_whole_network_does(
    speakers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_voice(tmp_path / "an.onnx", speakers=speakers)
    with open_model(path) as model:
        assert len(cut(model, finish(model.nodes())).front) == 2, "text encoder and flow"
    speaker = None if speakers == 1 else 2
    ids = [*range(3, 40)]
    waves = []

    def refuse(*_: object) -> Cut:
        raise ValueError("refused")

    for cutting in (cut, refuse):
        monkeypatch.setattr(network_module, "cut", cutting)
        network = PiperNetwork(path, SAMPLE_RATE, threads=1)
        list(network.load())
        latents = finish(network.latents(ids, Scales().without_noise(), speaker))
        waves.append(finish(network.decode(latents, 0, latents.shape[2], speaker)))
    np.testing.assert_allclose(*waves, atol=1e-5)


def test_margins_are_read_off_the_kernels(tmp_path: Path) -> None:
    with open_model(write_voice(tmp_path / "an.onnx")) as model:
        window = cut(model, finish(model.nodes())).window
    assert window.frame_samples == HOP
    assert 3 < window.frames_before < 8
    assert 3 < window.frames_after < 8


def test_network_of_another_shape_runs_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    voice = voice_of(write_voice(tmp_path / "an.onnx", is_cuttable=False))
    assert len(samples(voice, SENTENCE)) > 10_000
    assert "it runs whole, in longer steps, as it has no decoder of convolutions" in caplog.text


# --- voices --------------------------------------------------------------------------------------


def test_files_are_voices_and_come_and_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = make_engine(tmp_path)
    assert list(rescan(engine)) == []
    write_voice(tmp_path / "an.onnx")
    write_voice(tmp_path / "nhom.onnx", speakers=2)
    (tmp_path / "an.toml").write_text('description = "Cô An"\nlanguage = "vi"\nvolume = 0.5')
    voices = rescan(engine)
    assert list(voices) == ["an", "nhom-s0", "nhom-s1"]
    assert (voices["an"].description, voices["an"].languages) == ("Cô An", ("vi",))
    assert voices["nhom-s1"].description == "nhom s1"
    (tmp_path / "nhom.onnx").unlink()
    assert list(rescan(engine)) == ["an"]
    (tmp_path / "an.onnx.json").write_text("{}")
    assert list(rescan(engine)) == []
    assert "an.onnx.json is not the configuration of a Piper voice" in caplog.text


async def test_voice_that_is_deleted_before_it_is_loaded_is_an_unknown_voice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_voice(tmp_path / "an.onnx")
    engine = make_engine(tmp_path)
    assert list(engine.voices) == ["an"]
    (tmp_path / "an.onnx").unlink()
    async with running_server(engine) as uri:
        (error,) = await synthesize(uri, SENTENCE, "an")
    assert error.data == {"text": "Voice 'an' is gone", "code": "unknown-voice"}
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "cannot be read"),
        ("[1]", "is not the configuration"),
        ('{"audio": {}}', "is missing"),
        ('{"phoneme_type": "pinyin"}', "phoneme_type is 'pinyin'; only espeak and text"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_wrong_configuration_says_why(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "an.onnx.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        load_config(tmp_path / "an.onnx.json")
    with pytest.raises(ModelError, match="belongs to the"):
        load_config(tmp_path / "binh.onnx.json")


def test_link_that_cannot_be_followed_is_no_voice(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx")
    (tmp_path / "x.onnx").symlink_to("x" * 300)
    assert list(make_engine(tmp_path).voices) == ["an"]


def test_voice_without_tones_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    voice = voice_of(write_voice(tmp_path / "an.onnx", tones="0156"))
    assert "Voice 'an' was trained without 2 of the six tones" in caplog.text
    assert len(samples(voice, SENTENCE)) > 10_000
    assert "lacks the phonemes 2" in caplog.text


def test_requests_that_come_together_load_a_voice_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = voice_of(write_voice(tmp_path / "an.onnx"))
    opened = []
    real = PiperNetwork._session
    monkeypatch.setattr(PiperNetwork, "_session", lambda *a, **k: opened.append(1) or real(*a, **k))
    speaking = [voice.speak(SENTENCE) for _ in range(3)]
    audio = [b"", b"", b""]
    for several in zip_longest(*speaking, fillvalue=b""):
        audio = [so_far + (piece or b"") for so_far, piece in zip(audio, several, strict=True)]
    assert audio == [audio[0]] * 3 != [b""] * 3
    assert len(opened) == 3, "text encoder, flow and decoder"


# --- speech --------------------------------------------------------------------------------------


def test_seed_makes_the_same_audio_and_no_seed_makes_another(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "an.onnx")
    first, again = (samples(voice_of(path), SENTENCE) for _ in range(2))
    assert np.array_equal(first, again)
    voice = voice_of(path, seed=None)
    assert not np.array_equal(samples(voice, SENTENCE), samples(voice, SENTENCE))


def test_speed_and_volume_are_the_users(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "an.onnx")
    normal, fast = (samples(voice_of(path), SENTENCE, speed) for speed in (1.0, 2.0))
    assert len(fast) == pytest.approx(len(normal) / 2, rel=0.05)
    (tmp_path / "an.toml").write_text("volume = 0.5\nspeed = 2.0")
    changed = samples(voice_of(path), SENTENCE)
    np.testing.assert_allclose(changed, fast / 2, atol=1)


def test_first_audio_costs_one_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = voice_of(write_voice(tmp_path / "an.onnx"))
    list(voice.speak("a."))
    windows: list[int] = []
    real = PiperNetwork.decode

    def decode(self: PiperNetwork, latents: Any, start: int, end: int, speaker: Any) -> Any:
        windows.append(end - start)
        return real(self, latents, start, end, speaker)

    monkeypatch.setattr(PiperNetwork, "decode", decode)
    speaking = voice.speak(LONG)
    next(piece for piece in speaking if piece)
    assert windows == [module.FIRST_WINDOW_FRAMES]
    rest = list(speaking)
    assert len(windows) > 5
    assert len(rest) > len(windows)
    assert max(windows) <= module.MAX_WINDOW_FRAMES


@pytest.mark.parametrize("seed", [None, 1])
def test_seed_makes_the_same_windows_however_busy_the_machine_is(
    seed: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounding is another in another window: even one sample that differs breaks the promise."""
    write_voice(tmp_path / "an.onnx")
    windows: list[list[int]] = []
    real = PiperNetwork.decode

    def decode(self: PiperNetwork, latents: Any, start: int, end: int, speaker: Any) -> Any:
        windows[-1].append(start)
        return real(self, latents, start, end, speaker)

    monkeypatch.setattr(PiperNetwork, "decode", decode)
    for seconds in (0.001, 1.0):
        clock = SimpleNamespace(perf_counter=count(0.0, seconds).__next__)
        monkeypatch.setattr(module, "time", clock)
        windows.append([])
        list(voice_of(tmp_path / "an.onnx", seed).speak(LONG))
    assert (windows[0] == windows[1]) == (seed is not None)


def test_windows_follow_the_speed_of_the_machine() -> None:
    def after(frames: int, seconds: float) -> int:
        window = module._Window(adapts=True)
        window.fit(frames, 8, seconds)
        return window.share(window._frames)

    step = module.STEP_SECONDS
    assert after(32, 10 * step) == 8, "never too small to be worth a step"
    assert after(32, 2 * step) == 12, "the margin takes its time, too"
    assert after(32, step) == 32
    assert after(32, step / 100) == 128, "not more than four times as many"
    assert after(200, step / 100) == 256


def test_windows_share_what_is_left() -> None:
    window = module._Window(adapts=True)
    window.fit(100, 0, module.STEP_SECONDS)
    assert window.share(100) == 100
    assert window.share(101) == 51, "not 100 and 1"


async def test_piper_voice_is_served_streamed_and_interleaved(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx")
    write_voice(tmp_path / "binh.onnx", seed=2)
    async with running_server(make_engine(tmp_path)) as uri:
        assert await voice_names(uri) == ["an", "binh"]
        alone = [pcm_of(await synthesize(uri, "Phòng khách 26,5°C.", v)) for v in ("an", "binh")]
        events = await stream(uri, ["Phòng khách ", "26,5", "°C."], "an")
    assert types(events) == ["audio-start", "audio-chunk", "audio-stop", "synthesize-stopped"]
    assert events[0].data["rate"] == SAMPLE_RATE
    assert pcm_of(events) == alone[0] != alone[1]


async def test_auto_takes_piper_voices_that_are_there_and_that_come(tmp_path: Path) -> None:
    options = ("--piper-dir", str(tmp_path), "--model-dir", str(tmp_path / "none"), "--seed", "1")
    async with ready_server(*options) as (uri, _):
        names = await voice_names(uri)
        assert names == ["espeak-north-male", "espeak-north-female", "espeak-south-male"]
        write_voice(tmp_path / "an.onnx")
        await asyncio.sleep(2.1)
        assert await voice_names(uri) == ["an"]
        speech = pcm_of(await synthesize(uri, "Xin chào.", "an"))
        assert len(speech) > 10_000
        assert pcm_of(await synthesize(uri, "Xin chào.", "espeak-north-male")) != speech


def test_pipe_in_place_of_a_configuration_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "an.onnx.json")
    with pytest.raises(ModelError, match="is not a regular file"):
        load_config(tmp_path / "an.onnx.json")
