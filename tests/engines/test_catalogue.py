"""Which voices are on offer, and which are known."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from wyoming.event import Event

from tests.engines.piper.tiny_voice import write_voice
from tests.engines.vietts.speech import voices_dir
from tests.harness import (
    StepEngine,
    clean_environment,
    connected,
    free_port,
    pcm_of,
    read_until,
    ready_server,
    run_command,
    running_server,
    send,
    synthesize,
    types,
    voice_names,
)
from wyoming_vietts.engines.catalogue import Catalogue, make_catalogue
from wyoming_vietts.engines.contract import Engine, EngineSettings

__all__ = ["voices_dir"]

EMBEDDED = ["espeak-north-male", "espeak-north-female", "espeak-south-male"]


def catalogue(*engines: Engine, is_auto: bool = True) -> Catalogue:
    return Catalogue(engines, is_auto)


def test_voices_of_all_engines_are_offered_best_first() -> None:
    good, other = (
        StepEngine(languages={"an": "vi"}),
        StepEngine(languages={"an": "vi", "binh": "vi"}),
    )
    offered = catalogue(good, other, is_auto=False).voices
    assert list(offered) == ["an", "binh"]
    assert offered["an"].engine is good


def test_embedded_voices_are_offered_until_another_engine_has_one() -> None:
    engine = StepEngine(languages={})
    voices = catalogue(engine)
    assert list(voices.voices) == EMBEDDED
    engine.languages["an"] = "vi-VN"
    assert list(voices.voices) == ["an"]


def test_named_engines_offer_their_own_voices_alone() -> None:
    assert list(catalogue(StepEngine(languages={}), is_auto=False).voices) == []


@pytest.mark.parametrize("asked", [{"name": "espeak-north-male"}, {"speaker": "espeak-north-male"}])
async def test_embedded_voice_speaks_by_its_name_where_it_is_not_offered(
    asked: dict[str, str],
) -> None:
    engine = StepEngine()
    async with running_server(engine) as uri:
        assert await voice_names(uri) == ["an", "binh"]
        async with connected(uri) as client:
            await client.write_event(Event("synthesize", {"text": "Xin chào.", "voice": asked}))
            events = await read_until(client, "audio-stop")
        refused = await send(uri, "synthesize", {"text": "a", "voice": {"name": "x"}})
    assert len(pcm_of(events)) > 10_000
    assert engine.asked == []
    assert refused[0].data["text"] == "Unknown voice 'x'; available: an, binh"
    assert refused[0].data["code"] == "unknown-voice"


async def test_embedded_voices_speak_while_no_better_one_can(tmp_path: Path) -> None:
    good = write_voice(tmp_path / "good" / "an.onnx")
    broken = write_voice(tmp_path / "voices" / "an.onnx")
    broken.write_text("version https://git-lfs.github.com/spec/v1")
    options = ("--piper-dir", str(broken.parent), "--model-dir", str(tmp_path))
    async with ready_server(*options) as (uri, _):
        assert await voice_names(uri) == EMBEDDED
        assert types(await synthesize(uri, "Xin chào."))[-1] == "audio-stop"
        good.replace(broken)
        async with asyncio.timeout(30):
            while await voice_names(uri) != ["an"]:
                await asyncio.sleep(0.5)
        assert types(await synthesize(uri, "Xin chào."))[-1] == "audio-stop"


async def test_voices_have_sample_rates_of_their_own() -> None:
    slow, fast = StepEngine(sample_rate=16_000), StepEngine(sample_rate=48_000)
    fast.languages = {"chi": "vi-VN"}
    async with running_server(slow, fast) as uri:
        rates = [
            (await synthesize(uri, "Xin chào.", voice))[0].data["rate"] for voice in ("an", "chi")
        ]
    assert rates == [16_000, 48_000]


async def test_server_set_up_with_an_embedded_voice_starts_and_speaks_with_the_neural_engine(
    model_dirs: dict[int, Path], tmp_path: Path, voices_dir: Path
) -> None:
    options = ("--model-dir", str(model_dirs[25]), "--voices-dir", str(tmp_path), "--threads", "1")
    environment = {"WYOMING_VIETTS_VOICE": "espeak-south-male"}
    async with ready_server(*options, environment=environment) as (uri, _):
        assert await voice_names(uri) == EMBEDDED
        shutil.copy(voices_dir / "an.wav", tmp_path / "an.wav")
        async with asyncio.timeout(30):
            while await voice_names(uri) != ["an"]:
                await asyncio.sleep(0.5)
        default = await synthesize(uri, "Xin chào.")
        named = await synthesize(uri, "Xin chào.", "espeak-south-male")
        assert types(await synthesize(uri, "Xin chào.", "an"))[-1] == "audio-stop"
    assert pcm_of(default) == pcm_of(named) != b""


def test_several_engines_are_listed_in_the_order_asked_for(
    model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    options = ("--model-dir", str(model_dirs[25]), "--voices-dir", str(voices_dir))
    for engines, first in (("vietts,espeak", "an"), ("espeak,vietts", EMBEDDED[0])):
        result = run_command("voices", "--engine", engines, *options)
        names = [line.split("\t")[0] for line in result.stdout.splitlines()]
        assert sorted(names) == sorted(["an", "binh", *EMBEDDED]), result.stderr
        assert names[0] == first


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["voices", "--engine", "espeak"], ["torch", "onnxruntime", "numpy"]),
        (["say", "--normalize", "Xin chào"], ["numpy", "wyoming_vietts.frontends.wyoming.server"]),
        (["healthcheck"], ["numpy", "wyoming_vietts.frontends.wyoming.server", "zeroconf"]),
    ],
)
def test_command_imports_only_what_it_needs(arguments: list[str], absent: list[str]) -> None:
    code = (
        "import sys; from wyoming_vietts.__main__ import main\n"
        "main(sys.argv[1:]); print(*sys.modules)"
    )
    environment = clean_environment() | {"WYOMING_VIETTS_URI": f"tcp://127.0.0.1:{free_port()}"}
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment
    )
    modules = result.stdout.splitlines()[-1].split()
    assert "wyoming_vietts.commands" in modules, result.stderr
    assert not set(absent) & set(modules)


def test_model_without_its_packages_keeps_no_other_voice_from_speaking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config.json").touch()
    monkeypatch.setattr("wyoming_vietts.engines.catalogue.find_spec", lambda _: None)
    settings = EngineSettings(tmp_path, tmp_path / "piper", tmp_path / "vieneu")
    assert list(make_catalogue(["auto"], settings).voices) == EMBEDDED
    assert "VietTTS cannot speak yet: the package torch is missing" in caplog.text
