"""A voice's `.onnx.json`: of Piper, of other trainers, and with values that no voice has."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.engines.piper.tiny_voice import config, make_engine, write_voice
from tests.harness import describe, pcm_of, running_server, synthesize, voice_names
from wyoming_vietts.engines.piper.config import load_config
from wyoming_vietts.engines.piper.phonemes import phoneme_ids, phonemes
from wyoming_vietts.errors import ModelError

LOWER_CASE = "_^$ .abcdefghijklmnopqrstuvwxyzđ\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323"
LETTERS_WITH_MARKS = "_^$ .xinchàoađạt"


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "an.onnx.json"
    path.write_text(json.dumps(config(**changes)), "utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"audio": {"sample_rate": 10**400}}, "sample_rate is 1000"),
        (
            {"audio": {"sample_rate": float("inf")}},
            "inf; it must be a whole number from 4000 to",
        ),
        ({"audio": {"sample_rate": float("nan")}}, "sample_rate is nan"),
        ({"audio": {"sample_rate": 22050.5}}, "it must be a whole number"),
        ({"audio": {"sample_rate": "22050"}}, "sample_rate is '22050'"),
        ({"audio": {"sample_rate": True}}, "sample_rate is True"),
        ({"audio": {}}, "sample_rate is missing"),
        ({"audio": [1]}, r"audio is \[1\], not an object"),
        (
            {"num_speakers": 200_000},
            "200000; it must be a whole number from 0 to 2000",
        ),
        ({"num_speakers": 10**9}, "num_speakers is 1000000000"),
        ({"num_speakers": -1}, "num_speakers is -1"),
        ({"num_speakers": 2, "speaker_id_map": {"an": 2}}, "the id of speaker 'an' is 2"),
        ({"num_speakers": 2, "speaker_id_map": {"a\nb": 1}}, r"a speaker's name is 'a\\nb'"),
        ({"num_speakers": 2, "speaker_id_map": {"\ud800": 1}}, r"a speaker's name is '\\ud800'"),
        ({"num_speakers": 2, "speaker_id_map": {"": 1}}, "a speaker's name is ''"),
        ({"num_speakers": 2, "speaker_id_map": {"x" * 61: 1}}, "a speaker's name is 'xxx"),
        (
            {"inference": {"length_scale": 1e5}},
            "100000.0; it must be a number from 0.2 to 5",
        ),
        ({"inference": {"length_scale": 0}}, "length_scale is 0"),
        ({"inference": {"noise_scale": float("nan")}}, "noise_scale is nan"),
        ({"inference": {"noise_w": -1}}, "noise_w is -1; it must be a number from 0 to 2"),
        ({"inference": [1]}, "inference is"),
        ({"phoneme_id_map": {"a": [1] * 100_000}}, "the ids of 'a' are not a list of up to 8"),
        ({"phoneme_id_map": {"a": 1}}, "the ids of 'a' are not a list"),
        ({"phoneme_id_map": {"a": [10**6]}}, "an id of 'a' is 1000000"),
        ({"phoneme_id_map": {"a": [-1]}}, "an id of 'a' is -1"),
        ({"phoneme_id_map": {"a": ["1"]}}, "an id of 'a' is '1'"),
        ({"phoneme_id_map": None}, "phoneme_id_map is missing"),
        ({"espeak": {"voice": "../x"}}, "the voice of espeak is '../x'"),
        ({"espeak": {"voice": "vi\0"}}, "the voice of espeak is"),
        ({"espeak": {"voice": "klingon9"}}, "eSpeak NG has no voice 'klingon9'"),
        ({"espeak": {}}, "the voice of espeak is None"),
        ({"phoneme_type": "PhonemeType.PINYIN"}, "phoneme_type is 'PhonemeType.PINYIN'; only"),
        ({"phoneme_type": ["espeak"]}, "phoneme_type is"),
    ],
)
def test_value_out_of_bounds_is_named_in_a_moment(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path, **changes)
    started = time.perf_counter()
    with pytest.raises(ModelError, match=message):
        load_config(path)
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 401, "9" * 5000, "Infinity", "NaN"])
async def test_number_that_is_none_costs_one_voice_alone(number: str, tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx")
    path = write_voice(tmp_path / "binh.onnx").with_name("binh.onnx.json")
    path.write_text(path.read_text("utf-8").replace("22050", number), "utf-8")
    async with running_server(make_engine(tmp_path)) as uri:
        assert await voice_names(uri) == ["an"]


def test_large_configuration_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "an.onnx.json"
    path.write_text(" " * 1_100_000)
    with pytest.raises(ModelError, match="at most 1 MB"):
        load_config(path)


@pytest.mark.parametrize("kind", ["espeak", "PhonemeType.ESPEAK", "ESPEAK", "PhonemeType.espeak"])
def test_types_of_other_exporters_are_known(kind: str, tmp_path: Path) -> None:
    assert load_config(write(tmp_path, phoneme_type=kind)).espeak_voice == "vi"


@pytest.mark.parametrize("kind", ["text", "PhonemeType.TEXT"])
def test_letters_of_other_exporters_are_known(kind: str, tmp_path: Path) -> None:
    assert load_config(write(tmp_path, phoneme_type=kind)).espeak_voice == ""


@pytest.mark.parametrize("alphabet", [LOWER_CASE, LETTERS_WITH_MARKS])
def test_letters_without_an_id_are_spoken_small_or_with_their_marks(
    alphabet: str, tmp_path: Path
) -> None:
    ids = {letter: [number] for number, letter in enumerate(alphabet)}
    loaded = load_config(write(tmp_path, phoneme_type="text", phoneme_id_map=ids))
    said = phoneme_ids(phonemes(["Xin chào anh Đạt"], loaded), loaded)
    if "\u0323" in alphabet:
        assert said == phoneme_ids(phonemes(["xin chào anh đạt"], loaded), loaded)
    assert said[1] == set()
    assert len(said[0]) > 2 * len("xin chào anh đạt")


def test_capital_letter_with_an_id_keeps_it(tmp_path: Path) -> None:
    ids = {letter: [number] for number, letter in enumerate("_^$aA")}
    loaded = load_config(write(tmp_path, phoneme_type="text", phoneme_id_map=ids))
    assert phoneme_ids("aA", loaded) == ([1, 0, 3, 0, 4, 0, 2], set())


@pytest.mark.parametrize(
    ("language", "espeak", "tag"),
    [
        ({"code": "en_GB"}, "en-gb-x-rp", "en-GB"),
        ({"code": "vi_VN"}, "vi", "vi-VN"),
        ({"code": "vi"}, "vi", "vi-VN"),
        (None, "en-us", "en-US"),
        (None, "vi-vn-x-south", "vi-VN"),
        (None, "cmn", "cmn"),
        ({"code": "es_419"}, "es", "es-419"),
        ({"code": "vietnamese"}, "de", "de"),
        ({"code": ["en"]}, "de", "de"),
        ("en", "pt-br", "pt-BR"),
        ({"code": "x\ny"}, "vi", "vi-VN"),
    ],
)
def test_language_is_the_voices_own(
    language: object, espeak: str, tag: str, tmp_path: Path
) -> None:
    path = write(tmp_path, language=language, espeak={"voice": espeak})
    assert load_config(path).language == tag


def scales_of(folder: Path, toml: str, seed: int | None = None) -> tuple[float, ...]:
    (folder / "an.toml").write_text(toml)
    return make_engine(folder, seed).voices["an"].scales


def test_scales_are_the_users_then_the_voices_then_those_of_piper(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx", inference={"noise_scale": 0.3, "noise_w": None})
    assert scales_of(tmp_path, "") == (0.3, 1.0, 0.8)
    toml = "noise_scale = 0\nlength_scale = 1.5\nnoise_w = 0.1"
    assert scales_of(tmp_path, toml) == (0, 1.5, 0.1)
    assert scales_of(tmp_path, toml, seed=1) == (0, 1.5, 0), "without any noise"


async def test_scales_of_the_user_are_heard(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx")
    async with running_server(make_engine(tmp_path, seed=None)) as uri:
        usual = [pcm_of(await synthesize(uri, "Xin chào.")) for _ in range(2)]
    (tmp_path / "an.toml").write_text("noise_scale = 0\nlength_scale = 2")
    async with running_server(make_engine(tmp_path, seed=None)) as uri:
        slow = [pcm_of(await synthesize(uri, "Xin chào.")) for _ in range(2)]
    assert usual[0] != usual[1]
    assert slow[0] == slow[1]
    assert len(slow[0]) == pytest.approx(2 * len(usual[0]), rel=0.05)


@pytest.mark.parametrize("line", ["noise_scale = 3", "length_scale = inf", "noise = 1"])
def test_scale_out_of_bounds_is_named(
    line: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_voice(tmp_path / "an.onnx")
    (tmp_path / "an.toml").write_text(line)
    assert not make_engine(tmp_path, seed=None).voices
    assert line.split()[0] in caplog.text


async def test_voice_is_announced_in_its_language(tmp_path: Path) -> None:
    write_voice(tmp_path / "alan.onnx", language={"code": "en_GB"}, espeak={"voice": "en"})
    write_voice(tmp_path / "an.onnx")
    write_voice(tmp_path / "mai.onnx", language={"code": "en_GB"})
    (tmp_path / "mai.toml").write_text('language = "vi"')
    async with running_server(make_engine(tmp_path)) as uri:
        voices = (await describe(uri)).tts[0].voices
    assert {voice.name: voice.languages for voice in voices} == {
        "alan": ["en-GB"],
        "an": ["vi-VN"],
        "mai": ["vi"],
    }
