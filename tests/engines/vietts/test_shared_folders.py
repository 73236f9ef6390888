"""Two servers, as on two machines, that share a model directory and a folder of recordings."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import safetensors.torch

from tests.harness import (
    free_port,
    pcm_of,
    send,
    server_process,
    synthesize,
    types,
    voice_names,
    wait_until_ready,
)
from tests.recording_files import record
from wyoming_vietts.engines.recording_cache import CACHE_FOLDER

TEXT = "Nhiệt độ phòng khách là 26,5°C."


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return record(tmp_path / "voices" / "an.wav")


@pytest.fixture
async def uris(model_dir: Path, recording: Path, tmp_path: Path) -> AsyncIterator[list[str]]:
    """Of servers that were started at the same moment, when nothing was prepared."""
    uris = [f"tcp://127.0.0.1:{free_port()}" for _ in range(2)]
    folders = ("--model-dir", str(model_dir), "--voices-dir", str(recording.parent))
    logs = [tmp_path / f"log{i}" for i in range(2)]
    with ExitStack() as stack:
        for uri, log in zip(uris, logs, strict=True):
            file = stack.enter_context(log.open("wb"))
            arguments = ("--engine", "vietts", "--seed", "1", "--uri", uri, *folders)
            stack.enter_context(server_process(*arguments, stderr=file))
        for uri in uris:
            await wait_until_ready(uri)
        yield uris
    for log in logs:
        lines = [line for line in log.read_text().splitlines() if " INFO " not in line]
        assert lines == []


async def spoken_by_both(uris: list[str], voice: str = "an") -> bytes:
    answers = await asyncio.gather(*(synthesize(uri, TEXT, voice) for uri in uris))
    for events in answers:
        assert types(events)[-1] == "audio-stop", events[-1].data
    first, second = map(pcm_of, answers)
    assert first == second != b""
    return first


async def test_servers_that_start_at_once_share_what_they_make(
    uris: list[str], model_dir: Path
) -> None:
    await spoken_by_both(uris)
    made = sorted(path.name for path in model_dir.rglob("*.safetensors*"))
    (cached,) = (model_dir / CACHE_FOLDER).iterdir()
    assert cached.name in made
    assert not [name for name in made if not name.endswith(".safetensors")], "all are finished"
    for path in model_dir.rglob("*.safetensors"):
        assert safetensors.torch.load_file(path)


async def test_recording_that_is_replaced_or_deleted_on_one_machine_is_so_on_the_other(
    uris: list[str], recording: Path
) -> None:
    first = await spoken_by_both(uris)
    record(recording.with_name("other.part"), "espeak-south-male").replace(recording)
    assert await spoken_by_both(uris) != first
    record(recording.with_name("binh.wav"), "espeak-north-female")
    recording.unlink()
    deadline = time.monotonic() + 30
    while not all([await voice_names(uri) == ["binh"] for uri in uris]):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    assert await spoken_by_both(uris, "binh") != first
    for uri in uris:
        events = await send(uri, "synthesize", {"text": "a", "voice": {"name": "an"}})
        assert "Unknown voice 'an'; available: binh" in events[0].data["text"]
