"""Files to voices: damaged, hostile and changed ones; and the voices on a real server."""

import asyncio
import json
import re
import shutil
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from tests.engines.piper.tiny_voice import write_voice
from tests.engines.vieneu.test_speech import LONG, make_engine, samples, voice_of
from tests.engines.vieneu.tiny_model import NAMES, write_config, write_constants
from tests.harness import (
    connected,
    describe,
    free_port,
    joined,
    pcm_of,
    running_server,
    server_process,
    stream,
    synthesize,
    types,
    wait_until_ready,
)
from wyoming_vietts.engines import memory
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.onnx.sessions import import_runtime
from wyoming_vietts.engines.vieneu import engine as engine_module
from wyoming_vietts.engines.vieneu import graphs
from wyoming_vietts.engines.vieneu import network as module
from wyoming_vietts.engines.vieneu.config import load_config
from wyoming_vietts.engines.vieneu.engine import PRESETS_FILE, VieNeuEngine
from wyoming_vietts.errors import SynthesisError
from wyoming_vietts.steps import finish

GRAPHS = [*graphs.GRAPHS]


@pytest.fixture
def folder(vieneu_dir: Path, tmp_path: Path) -> Path:
    """A copy, to be damaged."""
    return shutil.copytree(vieneu_dir, tmp_path / "model")


# --- files that are no voice ---------------------------------------------------------------------


def write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None  # type: ignore[func-returns-value]


def presets(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        values = json.loads((folder / PRESETS_FILE).read_text("utf-8"))
        values["presets"]["Minh Quân"] |= changes
        (folder / PRESETS_FILE).write_text(json.dumps(values), "utf-8")

    return change


def rename_preset(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        values = json.loads((folder / PRESETS_FILE).read_text("utf-8"))
        values["presets"][name] = values["presets"].pop("Minh Quân")
        (folder / PRESETS_FILE).write_text(json.dumps(values), "utf-8")

    return change


def constants_that_are_objects(folder: Path) -> None:
    content = BytesIO()
    np.savez(content, null_spk=np.array([{}], dtype=object))
    (folder / "constants.npz").write_bytes(content.getvalue())


def loop(folder: Path) -> None:
    """A loop without an end in the place of the estimator."""
    model = onnx.load(folder / "vector_estimator.onnx")
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], [], body=body))
    onnx.save(model, folder / "vector_estimator.onnx")


def external(folder: Path) -> None:
    path = folder / "vector_estimator.onnx"
    onnx.save_model(
        onnx.load(path), path, save_as_external_data=True, location="weights", size_threshold=0
    )


def swapped(folder: Path) -> None:
    shutil.copy(folder / "codec_decoder.onnx", folder / "text_encoder.onnx")


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    **{f"no {name}": (lambda f, n=name: (f / n).unlink(), f"{name}") for name in GRAPHS},
    "no config": (lambda f: (f / "config.json").unlink(), "config.json is missing"),
    "no constants": (lambda f: (f / "constants.npz").unlink(), "constants.npz is missing"),
    "pointer": (write(GRAPHS[2], b"version https://git-lfs.github.com"), "a Git LFS pointer"),
    "page": (write("config.json", b"<html>"), "config.json is a web page"),
    "list": (write("config.json", b"[]"), "is not an object"),
    "deep": (write("config.json", b"[" * 100_000), "is not the configuration"),
    "no bos": (lambda f: write_config(f, bos_id=None), "bos_id is missing"),
    "id": (lambda f: write_config(f, vocab={"a": -1}), "the id of 'a' is -1"),
    "rate": (lambda f: write_config(f, flow_fps=1e9), "flow_fps is 1000000000.0"),
    "archive": (write("constants.npz", b"PK\3\4 no archive"), "constants.npz cannot be read"),
    "shape": (lambda f: write_constants(f, null_spk=np.zeros(3)), "null_spk is \\[3\\]"),
    "nan": (lambda f: write_constants(f, latent_mean=np.full(24, np.nan)), "are not numbers"),
    "objects": (constants_that_are_objects, "constants.npz cannot be read"),
    "no presets": (write(PRESETS_FILE, b"{}"), "is not a file of VieNeu's voices"),
    "none": (write(PRESETS_FILE, b'{"presets": {}}'), "it has 0 voices"),
    "short": (presets(speaker_emb=[1.0]), "speaker embedding has the shape \\[1\\]"),
    "ragged": (presets(style=[[1.0], []]), "is not a file of VieNeu's voices"),
    "infinite": (presets(speaker_emb=[1e400] * 192), "are not numbers"),
    "forged": (rename_preset("a\nWARNING"), "a voice's name is 'a\\\\nWARNING'"),
    "loop": (loop, "it has the operator Loop"),
    "external": (external, "has weights in another file"),
    "swapped": (swapped, "its inputs are x; VieNeu's has ids, style"),
    "settings": (write("voices_v3_nano.toml", b'description = "x"'), "description"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_model_has_no_voice_and_the_log_says_why(
    damage: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change, message = DAMAGES[damage]
    change(folder)
    assert make_engine(folder).voices == {}
    (record,) = caplog.records
    assert record.getMessage().isprintable()
    assert re.search(message, record.getMessage()), record.getMessage()


@pytest.mark.parametrize("name", ["config.json", "constants.npz", *GRAPHS, PRESETS_FILE])
def test_files_that_are_cut_off_anywhere_are_no_voice(name: str, folder: Path) -> None:
    whole = (folder / name).read_bytes()
    for share in (0.0, 0.3, 0.99):
        (folder / name).write_bytes(whole[: int(share * len(whole))])
        assert make_engine(folder).voices == {}


def test_configuration_need_not_say_what_is_always_the_same(folder: Path) -> None:
    config = load_config(folder)
    values = json.loads((folder / "config.json").read_text("utf-8"))
    for name in ("flow_fps", "ref_max_frames", "group", "emotion_tags"):
        del values[name]
    (folder / "config.json").write_text(json.dumps(values), "utf-8")
    assert load_config(folder).blocks_per_second == config.blocks_per_second == 15.625
    assert load_config(folder).max_reference_blocks == config.max_reference_blocks == 140


def test_empty_folder_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert make_engine(tmp_path / "none").voices == {}
    assert not caplog.text


# --- networks that fail --------------------------------------------------------------------------


def cut_output(model: onnx.ModelProto, start: int) -> None:
    """Leave out the first of the output's blocks."""
    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["before" if name == output else name for name in node.output]
    for name, values in (("from", [start]), ("to", [10**6]), ("axis", [2])):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(values), name))
    model.graph.node.append(helper.make_node("Slice", ["before", "from", "to", "axis"], [output]))


def multiply_output(model: onnx.ModelProto, factor: float) -> None:
    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["before" if name == output else name for name in node.output]
    model.graph.initializer.append(
        onnx.numpy_helper.from_array(np.array(factor, np.float32), "factor")
    )
    model.graph.node.append(helper.make_node("Mul", ["before", "factor"], [output]))


def change(folder: Path, name: str, how: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load(folder / name)
    how(model)
    onnx.save(model, folder / name)


FAILURES: dict[str, tuple[str, Callable[[onnx.ModelProto], None], str]] = {
    "velocity": (GRAPHS[2], lambda m: cut_output(m, 1), "the velocity has the shape"),
    "decoder": (GRAPHS[3], lambda m: cut_output(m, 1), "the decoder makes"),
    "duration": (GRAPHS[1], lambda m: multiply_output(m, float("nan")), "the duration is nan"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_network_that_fails_is_given_up_until_its_file_changes(
    failure: str, folder: Path, vieneu_dir: Path
) -> None:
    name, how, message = FAILURES[failure]
    change(folder, name, how)
    engine = make_engine(folder)
    voice = engine.voices[NAMES[0]]
    with pytest.raises(SynthesisError, match=message):
        samples(voice, "xin chào.")
    assert engine.voices == {}
    with pytest.raises(SynthesisError, match=message):
        finish(voice.load())
    shutil.copy(vieneu_dir / name, folder / name)
    assert len(samples(engine.voices[NAMES[0]], "xin chào.")) > 5000


def test_lack_of_memory_while_networks_are_loaded_is_not_their_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **options: object) -> None:
        raise MemoryError("out of memory")

    engine = make_engine(folder)
    voice = engine.voices[NAMES[0]]
    with monkeypatch.context() as patch:
        patch.setattr(module, "Session", fail)
        with pytest.raises(SynthesisError, match="cannot be loaded now: out of memory"):
            finish(voice.load())
    assert len(samples(engine.voices[NAMES[0]], "xin chào.")) > 5000


def test_networks_that_compute_too_long_are_given_up_though_they_have_spoken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(folder)
    voice = engine.voices[NAMES[0]]
    assert len(samples(voice, "xin chào."))
    monkeypatch.setattr(graphs, "MAX_SECONDS", -100.0)
    with pytest.raises(SynthesisError, match="it computes for more than -"):
        samples(voice, "xin chào.")
    assert engine.voices == {}


def test_long_and_endless_durations_are_cut_to_fifteen_seconds(folder: Path) -> None:
    change(folder, GRAPHS[1], lambda m: multiply_output(m, 1e30))
    assert 14 < len(samples(voice_of(folder), "xin chào.")) / 24_000 < 16


def test_sound_that_is_no_number_is_silence(folder: Path) -> None:
    change(folder, GRAPHS[3], lambda m: multiply_output(m, float("nan")))
    assert not samples(voice_of(folder), "xin chào.").any()


# --- memory --------------------------------------------------------------------------------------


def test_networks_that_nobody_uses_are_unloaded_and_loaded_again(
    vieneu_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = VieNeuEngine(
        EngineSettings(vieneu_dir=vieneu_dir, threads=1, quality="fast", seed=1, unload_after=2.0)
    )
    voice = engine.voices[NAMES[0]]
    first = samples(voice, "xin chào.")
    now = time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + 119)
    finish(engine.idle_work())
    assert voice.network._loaded is not None
    speaking = voice.speak("xin chào.")
    next(speaking)
    monkeypatch.setattr(module.time, "monotonic", lambda: now + 1000)
    finish(engine.idle_work())
    assert voice.network._loaded is not None, "somebody speaks"
    assert np.array_equal(np.frombuffer(joined(speaking), "<i2"), first)
    monkeypatch.setattr(module.time, "monotonic", lambda: now + 1121)
    finish(engine.idle_work())
    assert voice.network._loaded is None
    assert engine.voices, "they are still there"
    assert np.array_equal(samples(voice, "xin chào."), first)


def test_memory_of_networks_returns_to_the_kernel_once_it_is_freed(
    vieneu_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thresholds = [0]
    opened, computed = [], []
    monkeypatch.setattr(memory, "_set_thresholds", thresholds.append)
    runtime = import_runtime()

    class Watched(runtime.InferenceSession):  # type: ignore[misc, name-defined]
        def __init__(self, *arguments: object, **named: object) -> None:
            opened.append(thresholds[-1])
            super().__init__(*arguments, **named)

        def run(self, *arguments: object) -> object:
            computed.append(thresholds[-1])
            return super().run(*arguments)

    monkeypatch.setattr(runtime, "InferenceSession", Watched)
    assert samples(voice_of(vieneu_dir), "xin chào.").size
    small = 256 << 10
    assert opened == [small] * len(GRAPHS)
    assert {*computed} == {small}
    assert thresholds[-1] > small, "other engines keep freed memory: they are faster with it"


def test_voices_that_come_together_load_the_networks_once(
    vieneu_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = [*make_engine(vieneu_dir).voices.values()]
    opened = []
    real = module.Session
    monkeypatch.setattr(module, "Session", lambda *a, **k: opened.append(a) or real(*a, **k))
    loading = [voice.load() for voice in (*voices, *voices)]
    while loading:
        for each in [*loading]:
            try:
                next(each)
            except StopIteration:
                loading.remove(each)
    assert len(opened) == len(GRAPHS)


def test_package_that_is_missing_is_named(
    vieneu_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine_module.VieNeuEngine, "is_installed", staticmethod(lambda: False))
    assert make_engine(vieneu_dir).voices == {}
    assert "the package onnxruntime is missing" in caplog.text


# --- on a server ---------------------------------------------------------------------------------


async def test_voices_are_served_streamed_and_interleaved(vieneu_dir: Path) -> None:
    async with running_server(make_engine(vieneu_dir)) as uri:
        assert [voice.name for voice in (await describe(uri)).tts[0].voices] == [*NAMES]
        texts = ["Phòng khách 26,5°C.", LONG.capitalize()]
        alone = [pcm_of(await synthesize(uri, *pair)) for pair in zip(texts, NAMES, strict=True)]
        events = await stream(uri, ["Phòng khách ", "26,5", "°C."], NAMES[0])
        together = await asyncio.gather(
            *(synthesize(uri, *pair) for pair in zip(texts, NAMES, strict=True))
        )
    assert types(events)[0] == "audio-start"
    assert events[0].data["rate"] == 24_000
    assert pcm_of(events) == alone[0]
    assert [pcm_of(each) for each in together] == alone


async def test_each_speed_is_honoured_and_streams_the_same(vieneu_dir: Path) -> None:
    text = LONG.capitalize()

    def ssml(rate: str) -> str:
        return f'<speak><prosody rate="{rate}">{text}</prosody></speak>'

    async with running_server(make_engine(vieneu_dir)) as uri:
        normal = pcm_of(await synthesize(uri, text, NAMES[0]))
        for rate, speed in (("200%", 2.0), ("50%", 0.5)):
            plain = pcm_of(await synthesize(uri, ssml(rate), NAMES[0], "ssml"))
            assert len(plain) == pytest.approx(len(normal) / speed, rel=0.05)
            streamed = pcm_of(await stream(uri, [ssml(rate)], NAMES[0], "ssml"))
            assert streamed == plain


async def test_hang_up_stops_the_computing_within_a_step(
    vieneu_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    real = graphs.predict_velocity
    monkeypatch.setattr(graphs, "predict_velocity", lambda *a: calls.append(1) or real(*a))
    async with running_server(make_engine(vieneu_dir, quality="exact")) as uri:
        await synthesize(uri, "xin chào.", NAMES[0])
        calls.clear()
        async with connected(uri) as client:
            from wyoming.tts import Synthesize, SynthesizeVoice

            await client.write_event(
                Synthesize(LONG * 20, voice=SynthesizeVoice(name=NAMES[0])).event()
            )
            while not calls:
                await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        made = len(calls)
        await asyncio.sleep(0.1)
    assert len(calls) == made < 20


async def test_auto_takes_vieneu_before_piper_and_remembers_the_embedded(
    folder: Path, tmp_path: Path
) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    empty = tmp_path / "later"
    empty.mkdir()
    write_voice(tmp_path / "piper" / "an.onnx")
    options = ("--piper-dir", str(tmp_path / "piper"), "--model-dir", str(tmp_path / "none"),
               "--vieneu-dir", str(empty), "--seed", "1", "--quality", "fast")  # fmt: skip
    with server_process("--uri", uri, *options):
        await wait_until_ready(uri)
        assert len((await describe(uri)).tts[0].voices) == 1
        for file in sorted(folder.iterdir(), key=lambda file: file.name == PRESETS_FILE):
            shutil.copy(file, empty / file.name)
        async with asyncio.timeout(20):
            while len((await describe(uri)).tts[0].voices) == 1:
                await asyncio.sleep(0.2)
        assert [voice.name for voice in (await describe(uri)).tts[0].voices] == [*NAMES, "an"]
        speech = pcm_of(await synthesize(uri, "Xin chào.", None))
        assert pcm_of(await synthesize(uri, "Xin chào.", NAMES[0])) == speech
        assert pcm_of(await synthesize(uri, "Xin chào.", "espeak-north-male")) != speech
