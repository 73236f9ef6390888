"""Whose turn it is: by deadline, one step at a time."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest
from wyoming.client import AsyncClient
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart

from tests.frontends.http.harness import running_doors
from tests.harness import (
    SETTINGS,
    StepEngine,
    StepVoice,
    connected,
    describe,
    read_until,
    running_server,
    synthesize,
    types,
)
from wyoming_vietts.engines.contract import Voice
from wyoming_vietts.engines.pcm import PCM
from wyoming_vietts.speech.turns import Turns
from wyoming_vietts.speech.utterance import Utterance

STEP_SECONDS = 0.005
LONG = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 40


async def test_earliest_deadline_comes_first_and_equal_ones_in_order() -> None:
    turns, order = Turns(), []

    async def take(name: str, deadline: float) -> None:
        await turns.wait(deadline)
        order.append(name)

    await asyncio.gather(
        *(take(name, deadline) for name, deadline in (("c", 3), ("a1", 1), ("b", 2), ("a2", 1)))
    )
    assert order == ["a1", "a2", "b", "c"]


async def test_who_has_left_stops_nobody() -> None:
    turns = Turns()
    waiting = [asyncio.create_task(turns.wait(float(number))) for number in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[1].cancel()
    async with asyncio.timeout(5):
        await waiting[2]
        await turns.wait(0.0)


async def test_there_is_one_turn_in_each_pass_of_the_loop() -> None:
    turns, events = Turns(), []

    async def utterance(name: str) -> None:
        for _ in range(5):
            await turns.wait(0.0)
            events.append(name)

    async def others() -> None:
        for _ in range(20):
            events.append("loop")
            await asyncio.sleep(0)

    await asyncio.gather(*(utterance(name) for name in "abcdefgh"), others())
    text = "".join("." if event == "loop" else event for event in events)
    longest = max(map(len, text[: text.rfind(".")].split(".")))
    assert longest <= 1, text


@dataclass
class SlowEngine(StepEngine):
    """Its steps take some time of the processor, and last for `samples_per_step` samples."""

    def speak(self, text: str, voice: str, speed: float) -> PCM:
        for pcm in super().speak(text, voice, speed):
            until = time.perf_counter() + STEP_SECONDS
            while time.perf_counter() < until:
                pass
            yield pcm


@dataclass
class VisitedEngine(StepEngine):
    """In the middle of one of its steps a client connects and sends all of its request."""

    address: tuple[str, int] = ("", 0)
    request: bytes = b""
    visitor: socket.socket | None = None

    def speak(self, text: str, voice: str, speed: float) -> PCM:
        for number, pcm in enumerate(super().speak(text, voice, speed)):
            if number == 20 and self.visitor is None:
                self.visitor = socket.create_connection(self.address)
                self.visitor.sendall(self.request)
                self.computed.clear()
            yield pcm


_BODY = json.dumps({"input": "Xin chào.", "model": "vietts", "response_format": "wav"}).encode()
_HTTP = (
    b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b'{"type": "synthesize", "data": {"text": "Xin ch\\u00e0o."}}\n',
        b'{"type": "synthesize-start", "data": {}}\n'
        b'{"type": "synthesize-chunk", "data": {"text": "Xin ch\\u00e0o."}}\n'
        b'{"type": "synthesize-stop"}\n',
        _HTTP % (len(_BODY), _BODY),
    ],
    ids=["synthesize", "stream", "http"],
)
async def test_who_comes_during_a_step_is_next(request_bytes: bytes) -> None:
    engine = VisitedEngine(steps=50, samples_per_step=20_000, request=request_bytes)
    async with running_doors(engine) as doors:
        address = doors.url.removeprefix("http://") if b"HTTP" in request_bytes else doors.uri
        engine.address = ("127.0.0.1", int(address.rpartition(":")[2]))
        crowd = [asyncio.create_task(synthesize(doors.uri, LONG)) for _ in range(7)]
        while len(engine.computed) < 30 or engine.visitor is None:
            await asyncio.sleep(0.01)
        for task in crowd:
            task.cancel()
        engine.visitor.close()
    assert engine.computed[0] == "Xin chào."


@pytest.mark.parametrize("samples_per_step", [20, 20_000])  # slower than real time, and faster
async def test_neither_a_question_nor_a_newcomer_waits_for_a_step_of_everybody(
    samples_per_step: int,
) -> None:
    engine = SlowEngine(steps=20, samples_per_step=samples_per_step)
    async with running_server(engine) as uri:
        crowd = [asyncio.create_task(synthesize(uri, LONG)) for _ in range(50)]
        await asyncio.sleep(50 * 3 * STEP_SECONDS)  # all have begun
        questions = []  # in steps that were computed meanwhile
        for _ in range(9):
            before = len(engine.computed)
            await describe(uri)
            questions.append(len(engine.computed) - before)
        before = len(engine.computed)
        if samples_per_step == 20_000:
            engine.steps = 1
            assert types(await synthesize(uri, "Xin chào."))[-1] == "audio-stop"
        newcomer = len(engine.computed) - before
        for task in crowd:
            task.cancel()
    assert sorted(questions)[4] < 25
    assert newcomer < 50, "a step of everybody"


async def test_many_long_texts_at_once_do_not_keep_a_question_waiting() -> None:
    text = (LONG * 9)[:20_000]
    async with running_server(StepEngine(steps=1, samples_per_step=10)) as uri:
        started = time.perf_counter()
        await synthesize(uri, text)
        alone = time.perf_counter() - started
        crowd = [asyncio.create_task(synthesize(uri, text)) for _ in range(50)]
        await asyncio.sleep(0.2)
        started = time.perf_counter()
        await describe(uri)
        question = time.perf_counter() - started
        assert not any(task.done() for task in crowd)
        for task in crowd:
            task.cancel()
    assert question < max(1.0, 2 * alone)


async def test_when_the_machine_cannot_keep_up_all_are_late_evenly() -> None:
    engine = SlowEngine(steps=10, samples_per_step=200)
    finished: list[float] = []

    async def listen(uri: str) -> None:
        await synthesize(uri, "Một câu. Hai câu. Ba câu.")
        finished.append(time.perf_counter())

    async with running_server(engine) as uri:
        started = time.perf_counter()
        await asyncio.gather(*(listen(uri) for _ in range(10)))
    assert len(finished) == 10
    assert finished[0] - started > 0.7 * (finished[-1] - started)


async def test_newcomer_is_heard_soon_where_the_machine_cannot_keep_up() -> None:
    engine = SlowEngine(steps=20, samples_per_step=50)
    async with running_server(engine) as uri:
        crowd = [asyncio.create_task(synthesize(uri, LONG)) for _ in range(10)]
        await asyncio.sleep(1.5)
        before = len(engine.computed)
        async with connected(uri) as client:
            await client.write_event(Synthesize("Xin chào.").event())
            await read_until(client, "audio-chunk")
        steps = len(engine.computed) - before
        for task in crowd:
            task.cancel()
    assert steps < 80, "some rounds of everybody"


async def test_long_computation_without_audio_keeps_nobody_waiting() -> None:
    slow, quick = SlowEngine(silent_steps=2000), StepEngine(languages={"chi": "vi"})
    async with running_server(slow, quick) as uri:
        crowd = [asyncio.create_task(synthesize(uri, "Xin chào.", "an")) for _ in range(3)]
        await asyncio.sleep(0.5)
        before = len(slow.computed)
        assert types(await synthesize(uri, "Xin chào.", "chi"))[-1] == "audio-stop"
        assert len(slow.computed) - before < 60
        assert not any(task.done() for task in crowd)
        for task in crowd:
            task.cancel()


@dataclass
class CrowdedEngine(StepEngine):
    """Remembers which sentences were spoken at a time."""

    speaking: list[str] = field(default_factory=list)
    crowds: list[list[str]] = field(default_factory=list)
    is_held: bool = False
    """No sentence goes on."""

    def speak(self, text: str, voice: str, speed: float) -> PCM:
        self.speaking.append(text)
        try:
            for pcm in super().speak(text, voice, speed):
                while self.is_held:
                    yield None
                self.crowds.append([*self.speaking])
                yield pcm
        finally:
            self.speaking.remove(text)


@pytest.fixture
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StepVoice, "max_sentences_at_once", 2)


@pytest.mark.usefixtures("two_at_once")
async def test_a_crowd_is_spoken_to_some_at_a_time_in_the_order_in_which_it_came() -> None:
    engine = CrowdedEngine(steps=100, samples_per_step=2000)
    texts = [f"{name}." for name in ("một", "hai", "ba", "bốn", "năm")]
    async with running_doors(engine) as doors:
        assert doors.synthesizer is not None
        await synthesize(doors.uri, "không.")  # what is made once is made here
        engine.is_held = True
        answers = []
        for text in texts:
            answers.append(asyncio.create_task(synthesize(doors.uri, text)))
            await wait_for(lambda: doors.synthesizer.under_way == len(answers))
            await asyncio.sleep(0.05)
        engine.is_held = False
        assert [types(answer)[-1] for answer in await asyncio.gather(*answers)] == [
            "audio-stop"
        ] * len(texts)
    assert [text for text, *_ in engine.asked] == ["không.", *texts]
    assert max(map(len, engine.crowds)) == 2


@pytest.mark.usefixtures("two_at_once")
async def test_who_hangs_up_leaves_a_place_or_the_line() -> None:
    engine = CrowdedEngine(steps=10**6, samples_per_step=2000)
    async with running_doors(engine) as doors:
        assert doors.synthesizer is not None
        clients = []
        for text in ("một.", "hai.", "ba.", "bốn."):
            client = await AsyncClient.from_uri(doors.uri).__aenter__()
            await client.write_event(Synthesize(text).event())
            clients.append(client)
            await wait_for(lambda: doors.synthesizer.under_way == len(clients))
            await asyncio.sleep(0.05)
        assert engine.speaking == ["một.", "hai."]
        await clients[2].disconnect()  # one that waits
        await wait_for(lambda: doors.synthesizer.under_way == 3)
        await clients[0].disconnect()
        await wait_for(lambda: engine.speaking == ["hai.", "bốn."])
        assert [text for text, *_ in engine.asked] == ["một.", "hai.", "bốn."]
        for client in clients:
            await client.disconnect()
        await wait_for(lambda: doors.synthesizer.under_way == 0)


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("two_at_once")
async def test_who_waits_for_a_place_takes_no_turns_from_those_who_have_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = []
    real = Turns.wait

    async def wait(self: Turns, deadline: float) -> None:
        turns.append(deadline)
        await real(self, deadline)

    monkeypatch.setattr(Turns, "wait", wait)
    engine = CrowdedEngine(steps=500, samples_per_step=2000)
    async with running_server(engine) as uri:
        answers = await asyncio.gather(*(synthesize(uri, "Xin chào.") for _ in range(6)))
    assert [types(answer)[-1] for answer in answers] == ["audio-stop"] * 6
    assert len(turns) < 6 * (500 + 10)


async def test_waiting_for_text_earns_no_credit() -> None:
    engine = SlowEngine(steps=200, samples_per_step=1000)
    async with running_server(engine) as uri, connected(uri) as slow:
        await slow.write_event(SynthesizeStart().event())
        await slow.write_event(SynthesizeChunk("Một. Hai").event())
        await read_until(slow, "audio-chunk")
        await asyncio.sleep(2)
        await slow.write_event(SynthesizeChunk(LONG).event())
        await asyncio.sleep(0.05)
        before = len(engine.computed)
        async with connected(uri) as client:
            await client.write_event(Synthesize("Xin chào.").event())
            await read_until(client, "audio-chunk")
        assert len(engine.computed) - before < 20


# --- in virtual time -----------------------------------------------------------------------------


@dataclass
class Clock:
    """Time that passes only while somebody computes."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    clock_of_utterances = SimpleNamespace(monotonic=clock, perf_counter=clock)
    monkeypatch.setattr("wyoming_vietts.speech.utterance.time", clock_of_utterances)
    return clock


async def listen(
    turns: Turns, clock: Clock, step_seconds: float, audio_seconds: float, silent: int, steps: int
) -> AsyncIterator[tuple[float, float]]:
    """When a listener's audio comes, and for how long it has been waited for."""

    def speak(text: str, speed: float) -> PCM:
        for step in range(silent + steps):
            clock.now += step_seconds
            yield None if step < silent else b"\0\x40"

    # At this rate a sample lasts as long as the audio of a step.
    voice = cast(Voice, SimpleNamespace(sample_rate=1 / audio_seconds, speak=speak))
    utterance = Utterance(
        "tests",
        voice,
        1.0,
        False,
        SETTINGS,
        turns,
        asyncio.Semaphore(9),
        lambda utterance, outcome: None,
    )
    ends = clock.now  # of what the listener has
    async for pcm in utterance.add("Một. Hai"):
        if pcm:
            yield clock.now, max(0.0, clock.now - ends)
            ends = max(ends, clock.now) + audio_seconds


async def test_newcomer_beside_seven_is_heard_as_if_alone_and_they_never_run_dry(
    clock: Clock,
) -> None:
    turns, step, has_begun = Turns(), 0.04, asyncio.Event()
    waits: list[float] = []

    async def old_client() -> None:
        heard = listen(turns, clock, step, audio_seconds=0.5, silent=0, steps=200)
        _ = await anext(heard)
        async for now, waited in heard:
            waits.append(waited)
            if now > 1005:
                has_begun.set()

    async def newcomer() -> float:
        await has_begun.wait()
        came = clock.now
        heard = listen(turns, clock, step, audio_seconds=0.5, silent=2, steps=20)
        first, _ = await anext(heard)
        waits.extend([waited async for _, waited in heard])
        return first - came

    *_, delay = await asyncio.gather(*(old_client() for _ in range(7)), newcomer())
    assert delay <= 1.5 * 3 * step
    assert max(waits) == 0.0


async def test_all_are_late_evenly_where_the_machine_is_too_slow(clock: Clock) -> None:
    turns, heard_by = Turns(), [0] * 8

    async def client(number: int) -> None:
        async for now, _ in listen(turns, clock, 0.04, 0.02 + 0.002 * number, silent=0, steps=200):
            if now > 1010:
                return
            heard_by[number] += 1

    await asyncio.gather(*map(client, range(8)))
    assert sum(heard_by) > 240, "the machine never rested"
    assert min(heard_by) > 0.8 * max(heard_by)
