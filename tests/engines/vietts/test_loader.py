"""The neural engine's memory: given back while nobody speaks, taken again by the next request."""

import asyncio
import json
import logging
import re
import shutil
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from wyoming.tts import Synthesize, SynthesizeVoice

from tests.engines.vietts.speech import WORDS, make_engine, say, voices_dir
from tests.harness import (
    address_of,
    connected,
    describe,
    free_port,
    pcm_of,
    read_until,
    running_server,
    send,
    server_process,
    synthesize,
    types,
    wait_until_ready,
)
from wyoming_vietts.engines import on_demand
from wyoming_vietts.engines.vietts import device, loader
from wyoming_vietts.engines.vietts.engine import VietTTSEngine
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.errors import SynthesisError
from wyoming_vietts.steps import Steps, finish

__all__ = ["voices_dir"]

MINUTES = 30.0
SENTENCE = "chào bạn."


class Clock:
    """The loader's clock, which the test moves."""

    perf_counter = staticmethod(time.perf_counter)

    def __init__(self) -> None:
        self.minutes = 0.0

    def monotonic(self) -> float:
        return 60 * self.minutes


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(on_demand, "time", clock)
    return clock


class Loads:
    """Counts and watches how networks are loaded."""

    def __init__(self) -> None:
        self.begun = self.steps = self.ended = 0
        self.pause_seconds = 0.0
        self._load = loader.load_networks

    def load_networks(self, *arguments: Any) -> Steps[Networks]:
        self.begun += 1
        steps = self._load(*arguments)
        try:
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                self.steps += 1
                time.sleep(self.pause_seconds)
                yield
        finally:
            self.ended += 1


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    loads = Loads()
    monkeypatch.setattr(loader, "load_networks", loads.load_networks)
    return loads


@pytest.fixture
def engine(model_dir: Path, voices_dir: Path) -> VietTTSEngine:
    """Unloads after `MINUTES`; its model directory may be damaged."""
    engine = make_engine(model_dir, voices_dir, unload_after_minutes=MINUTES)
    list(engine.idle_work())  # the voices are known
    finish(engine.voices["an"].load())
    return engine


def networks_of(engine: VietTTSEngine) -> "weakref.ref[torch.nn.Module]":
    return weakref.ref(finish(engine.loader.load()).networks.lm)


def unload(engine: VietTTSEngine, clock: Clock) -> None:
    networks = networks_of(engine)
    clock.minutes += MINUTES
    list(engine.idle_work())
    assert networks() is None


def test_engine_that_nobody_uses_is_unloaded_and_the_next_request_loads_it_again(
    engine: VietTTSEngine,
    clock: Clock,
    loads: Loads,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO)
    given_back: list[bool] = []
    monkeypatch.setattr(loader, "give_back_memory", lambda _: given_back.append(networks() is None))
    clock.minutes = 100.0
    first = b"".join(say(engine, SENTENCE))
    networks = networks_of(engine)
    clock.minutes += MINUTES - 0.1
    list(engine.idle_work())
    assert networks() is not None, "somebody has spoken less than 30 minutes ago"
    clock.minutes += 0.1
    for _ in range(3):
        list(engine.idle_work())
    assert given_back == [True], "once, when the networks were gone"
    (line,) = (r.getMessage() for r in caplog.records if "Unloaded" in r.getMessage())
    assert line.startswith("Unloaded the neural engine after 30 minutes without speech: ")
    assert loads.begun == 0
    assert b"".join(say(engine, SENTENCE)) == first
    assert loads.begun == 1
    assert "Loaded the neural engine in" in caplog.text


def test_freed_memory_is_given_back_once_a_minute_after_speech(
    engine: VietTTSEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[float] = []
    monkeypatch.setattr(loader, "give_back_freed_memory", lambda: given_back.append(clock.minutes))
    for _ in range(2):
        clock.minutes += 5
        speaking = say(engine, WORDS)
        next(speaking)
        clock.minutes += 5
        list(engine.idle_work())  # somebody speaks
        list(speaking)
        for _ in range(10):
            clock.minutes += 0.25
            list(engine.idle_work())
    assert given_back == [11.0, 23.5]


def test_weights_files_take_no_memory_after_speech(
    engine: VietTTSEngine, model_dir: Path, clock: Clock
) -> None:
    clock.minutes += 5
    first = b"".join(say(engine, SENTENCE))
    assert mapped_kib(model_dir) > 0
    clock.minutes += 1
    list(engine.idle_work())
    assert mapped_kib(model_dir) == 0
    assert b"".join(say(engine, SENTENCE)) == first


def mapped_kib(model_dir: Path) -> int:
    """Resident memory of a model's mapped files."""
    total, is_weights = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match("[0-9a-f]+-", line):
            is_weights = f" {model_dir}/" in line
        elif is_weights and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total


def test_engine_stays_loaded_unless_it_is_told_otherwise(
    model_dirs: dict[int, Path], voices_dir: Path, clock: Clock
) -> None:
    engine = make_engine(model_dirs[25], voices_dir)
    networks = networks_of(engine)
    clock.minutes += 1e6
    list(engine.idle_work())
    assert networks() is not None


def test_loading_a_voice_loads_the_engine(
    engine: VietTTSEngine, clock: Clock, loads: Loads
) -> None:
    unload(engine, clock)
    steps = sum(1 for _ in engine.voices["an"].load())
    assert (loads.begun, loads.ended) == (1, 1)
    assert steps >= loads.steps > 200
    list(say(engine, "chào."))
    assert loads.begun == 1
    clock.minutes += MINUTES - 0.1
    list(engine.idle_work())
    assert finish(engine.voices["an"].load()) is None
    assert loads.begun == 1, "it was loaded less than 30 minutes ago"


def test_utterance_under_way_keeps_the_engine(
    engine: VietTTSEngine, clock: Clock, loads: Loads
) -> None:
    alone = b"".join(say(engine, SENTENCE))
    pieces = say(engine, SENTENCE)
    spoken = next(pieces) + next(pieces)
    networks = networks_of(engine)
    clock.minutes += 10 * MINUTES
    list(engine.idle_work())
    assert networks() is not None
    assert spoken + b"".join(pieces) == alone
    assert loads.begun == 0
    list(engine.idle_work())
    assert networks() is not None, "it has spoken just now"
    clock.minutes += MINUTES
    list(engine.idle_work())
    assert networks() is None


def test_utterance_that_waits_for_the_engine_keeps_what_is_loaded(
    engine: VietTTSEngine, clock: Clock, loads: Loads
) -> None:
    unload(engine, clock)
    pieces = say(engine, SENTENCE)
    next(pieces)
    clock.minutes += 10 * MINUTES
    list(engine.idle_work())
    assert loads.ended == 0
    assert b"".join(pieces)
    assert loads.begun == 1


def test_loading_that_nobody_waits_for_any_more_is_given_up(
    engine: VietTTSEngine, clock: Clock, loads: Loads
) -> None:
    unload(engine, clock)
    pieces = say(engine, SENTENCE)
    next(pieces)
    pieces.close()
    list(engine.idle_work())
    assert loads.ended == 0, "somebody may still come"
    clock.minutes += MINUTES
    list(engine.idle_work())
    assert loads.ended == 1
    assert b"".join(say(engine, SENTENCE))
    assert loads.begun == 2


async def test_unloaded_engine_is_described_as_before_and_speaks_as_before(
    engine: VietTTSEngine, clock: Clock, loads: Loads
) -> None:
    async with running_server(engine) as uri:
        before = await described_bytes(uri)
        first = pcm_of(await synthesize(uri, SENTENCE, "an"))
        unload(engine, clock)
        assert await described_bytes(uri) == before
        embedded = await synthesize(uri, SENTENCE, "espeak-north-male")
        assert types(embedded)[-1] == "audio-stop"
        assert loads.begun == 0
        assert pcm_of(await synthesize(uri, SENTENCE, "an")) == first
        assert await described_bytes(uri) == before


async def described_bytes(uri: str) -> bytes:
    reader, writer = await asyncio.open_connection(*address_of(uri))
    writer.write(b'{"type": "describe"}\n')
    header = await reader.readline()
    data = await reader.readexactly(json.loads(header)["data_length"])
    writer.close()
    return header + data


async def test_requests_that_come_together_load_the_engine_once(
    engine: VietTTSEngine, clock: Clock, loads: Loads
) -> None:
    async with running_server(engine) as uri:
        alone = [pcm_of(await synthesize(uri, SENTENCE, voice)) for voice in ("an", "binh")]
        unload(engine, clock)
        answers = await asyncio.gather(
            *(synthesize(uri, SENTENCE, voice) for voice in ("an", "binh"))
        )
    assert [pcm_of(events) for events in answers] == alone
    assert loads.begun == 1


async def test_others_are_served_while_the_engine_is_loaded(
    engine: VietTTSEngine, clock: Clock, loads: Loads
) -> None:
    unload(engine, clock)
    loads.pause_seconds = 0.002
    async with running_server(engine) as uri, connected(uri) as waiting:
        await waiting.write_event(Synthesize(SENTENCE, SynthesizeVoice("an")).event())
        while not loads.steps:
            await asyncio.sleep(0)
        described = spoken = 0
        while not loads.ended:
            assert (await describe(uri)).tts
            described += not loads.ended
            async with connected(uri) as other:
                voice = SynthesizeVoice("espeak-north-male")
                await other.write_event(Synthesize("Xin chào.", voice).event())
                await read_until(other, "audio-chunk")
            spoken += not loads.ended
        assert pcm_of(await read_until(waiting, "audio-stop"))
    assert described > 5
    assert spoken > 5


async def test_engine_that_cannot_be_loaded_fails_the_requests_that_wait_for_it(
    engine: VietTTSEngine, model_dir: Path, clock: Clock, loads: Loads
) -> None:
    async with running_server(engine) as uri:
        first = pcm_of(await synthesize(uri, SENTENCE, "an"))
        unload(engine, clock)
        (model_dir / "flow.pt").rename(model_dir / "away")
        (model_dir / "flow.safetensors").unlink()
        request = {"text": SENTENCE, "voice": {"name": "an"}}
        for answer in await asyncio.gather(*(send(uri, "synthesize", request) for _ in range(2))):
            assert types(answer) == ["error"]
            assert answer[0].data["code"] == "engine-failed"
            assert answer[0].data["text"] == (
                f"The neural engine cannot be loaded: {model_dir / 'flow.pt'} is missing"
            )
        assert loads.begun == 1
        (model_dir / "away").rename(model_dir / "flow.pt")
        assert pcm_of(await synthesize(uri, SENTENCE, "an")) == first


def test_model_that_has_become_another_is_an_error_until_it_is_back(
    engine: VietTTSEngine, model_dir: Path, clock: Clock, loads: Loads
) -> None:
    unload(engine, clock)
    config = model_dir / "config.yaml"
    written = config.read_text()
    config.write_text(written.replace("sample_rate: 22050", "sample_rate: 24000"))
    with pytest.raises(SynthesisError, match=r"the configuration in .* has been changed"):
        list(say(engine, SENTENCE))
    config.write_text(written)
    assert b"".join(say(engine, SENTENCE))


def test_model_that_was_replaced_while_it_was_unloaded_is_used(
    engine: VietTTSEngine, model_dir: Path, model_dirs: dict[int, Path], clock: Clock
) -> None:
    first = b"".join(say(engine, SENTENCE))
    unload(engine, clock)
    shutil.copy(model_dirs[50] / "hift.pt", model_dir / "hift.pt")  # of another seed
    second = b"".join(say(engine, SENTENCE))
    assert len(second) == len(first)
    assert second != first


def test_failed_loading_leaves_nothing_in_memory(
    engine: VietTTSEngine, clock: Clock, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    unload(engine, clock)
    made: list[weakref.ref[Networks]] = []
    given_back: list[bool] = []

    def no_memory(networks: Networks, *_: Any) -> None:
        made.append(weakref.ref(networks))
        raise RuntimeError("can't allocate memory: you tried to allocate 123 bytes")

    with monkeypatch.context() as patched:
        patched.setattr(loader, "give_back_memory", lambda _: given_back.append(made[0]() is None))
        patched.setattr("wyoming_vietts.engines.vietts.cpu.optimize", no_memory)
        with pytest.raises(SynthesisError, match="cannot be loaded: can't allocate memory: you"):
            list(say(engine, SENTENCE))
    assert given_back == [True]
    assert b"".join(say(engine, SENTENCE))


def test_memory_of_a_gpu_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    reserved = {"bytes": 900}
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: reserved["bytes"])
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: reserved.update(bytes=100))
    gpu = torch.device("cuda")
    assert device.held_bytes(gpu) == 900
    device.give_back_memory(gpu)
    assert device.held_bytes(gpu) == 100


async def test_server_unloads_the_engine_by_itself(
    model_dirs: dict[int, Path], voices_dir: Path, tmp_path: Path
) -> None:
    uri, log = f"tcp://127.0.0.1:{free_port()}", tmp_path / "log"
    arguments = ("--uri", uri, "--model-dir", str(model_dirs[25]), "--voices-dir", str(voices_dir))
    flags = ("--unload-after", "0.001", "--seed", "1")
    with log.open("wb") as stderr, server_process(*arguments, *flags, stderr=stderr):
        await wait_until_ready(uri)
        before = await described_bytes(uri)
        first = pcm_of(await synthesize(uri, "Xin chào.", "an"))
        lines = await lines_about_unloading(log, longer_than=0)
        assert "after 0.001 minutes without speech" in lines[0]
        assert await described_bytes(uri) == before
        assert pcm_of(await synthesize(uri, "Xin chào.", "an")) == first
        await lines_about_unloading(log, longer_than=len(lines))
    assert "Traceback" not in log.read_text()


async def lines_about_unloading(log: Path, longer_than: int) -> list[str]:
    """Those in the log, once there are more than so many."""
    async with asyncio.timeout(30):
        while len(lines := list(_lines(log))) <= longer_than:
            await asyncio.sleep(0.1)
    return lines


def _lines(log: Path) -> Iterator[str]:
    return (line for line in log.read_text().splitlines() if "Unloaded the neural engine" in line)


def test_memory_that_many_sentences_freed_is_given_back_though_nobody_pauses(
    engine: VietTTSEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As sentences follow one another, the heap grows by 50 MB a sentence."""
    resident = loader.resident_bytes()
    sizes: list[int] = []

    def give_back() -> None:
        nonlocal resident
        sizes.append(resident)
        resident = 1_000_000_000

    monkeypatch.setattr(loader, "resident_bytes", lambda: resident)
    monkeypatch.setattr(loader, "give_back_freed_memory", give_back)
    resident += 10_000_000_000
    for _ in range(30):
        list(say(engine, SENTENCE))
        resident += 50_000_000
    assert len(sizes) == 3
    assert max(sizes[1:]) <= 1_650_000_000
    clock.minutes += 1
    resident += 10_000_000_000
    list(say(engine, SENTENCE))
    assert len(sizes) == 4
    clock.minutes += 2
    list(engine.idle_work())
    assert len(sizes) == 5, "and what other engines freed since, after a minute"
