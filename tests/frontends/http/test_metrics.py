"""What Prometheus reads is what has happened, through both doors."""

import asyncio
from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.frontends.http.harness import Doors, running_doors, wav_pcm
from tests.harness import StepEngine, pcm_of, synthesize
from wyoming_vietts import __version__


async def samples(doors: Doors) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await doors.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


async def test_requests_are_counted_by_door_voice_and_outcome() -> None:
    async with running_doors(StepEngine()) as doors:
        pcm = [wav_pcm((await doors.speech("Xin chào.")).body)[1] for _ in range(3)]
        await doors.speech("a", voice="x")
        await doors.speech("lỗi", voice="binh")
        over_wyoming = pcm_of(await synthesize(doors.uri, "Chào.", "binh"))
        found = await samples(doors)
    counts = {
        labels: value for (name, labels), value in found.items() if name == "vietts_requests_total"
    }
    assert counts == {
        frozenset({("door", "http"), ("voice", "an"), ("outcome", "spoken")}): 3,
        frozenset({("door", "http"), ("voice", ""), ("outcome", "unknown-voice")}): 1,
        frozenset({("door", "http"), ("voice", "binh"), ("outcome", "engine-failed")}): 1,
        frozenset({("door", "wyoming"), ("voice", "binh"), ("outcome", "spoken")}): 1,
    }
    seconds = found[key("vietts_audio_seconds_total", door="http", voice="an")]
    assert seconds == pytest.approx(sum(map(len, pcm)) / 2 / 22_050)
    wyoming_seconds = found[key("vietts_audio_seconds_total", door="wyoming", voice="binh")]
    assert wyoming_seconds == pytest.approx(len(over_wyoming) / 2 / 22_050)
    assert found[key("vietts_first_audio_seconds_count", voice="an")] == 3
    assert found[key("vietts_real_time_factor_count", voice="an")] == 3
    assert 0 < found[key("vietts_busy_seconds_total")] < 1
    assert found[key("vietts_utterances_under_way")] == 0
    assert 1e7 < found[key("process_resident_memory_bytes")] < 1e10


async def test_answers_under_way_and_hang_ups_are_seen() -> None:
    async with running_doors(StepEngine(steps=1_000_000)) as doors:
        body = {"input": "Dài.", "response_format": "wav"}
        async with doors.session.post(f"{doors.url}/v1/audio/speech", json=body) as response:
            await response.content.readexactly(44)
            assert (await samples(doors))[key("vietts_utterances_under_way")] == 1
            response.close()
        await asyncio.sleep(0.1)
        found = await samples(doors)
    assert found[key("vietts_utterances_under_way")] == 0
    assert found[key("vietts_requests_total", door="http", voice="an", outcome="hung-up")] == 1


async def test_build_is_told_and_nothing_is_told_twice() -> None:
    async with running_doors(StepEngine()) as doors:
        await doors.speech("Xin chào.")
        text = (await doors.get("/metrics")).body.decode()
    assert f'version="{__version__}"' in text
    assert "vietts_build_info{" in text
    assert "_created" not in text
