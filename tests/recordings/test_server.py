"""A server beside whose clients recordings are dropped into its folder, or sent to its page."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.engines.vietts.speech import make_engine
from tests.frontends.http.harness import serving
from tests.harness import voice_names
from tests.recordings.test_decoding import EMPTY_FRAMES, ENCODERS, id3, with_libsndfile
from tests.recordings.test_listening import MEN, TEXTS, spoken


@pytest.fixture(scope="module")
def half_a_minute() -> np.ndarray:
    """[N, 1] at 48 kHz, of somebody who speaks."""
    samples = spoken(MEN[0], *TEXTS).astype(np.float32) / 32768
    at_48_khz = np.interp(np.arange(0, len(samples), 22_050 / 48_000), range(len(samples)), samples)
    return np.tile(at_48_khz, 3)[: 30 * 48_000, None].astype(np.float32)


@pytest.fixture(scope="module")
def recordings(half_a_minute: np.ndarray) -> dict[str, bytes]:
    """Harmless ones and hostile ones, by name of file."""
    mp3 = ENCODERS["mp3"](half_a_minute)
    middle = len(mp3) // 2
    return {
        **{f"{suffix}.{suffix}": encode(half_a_minute) for suffix, encode in ENCODERS.items()},
        "eight.ogg": with_libsndfile("OGG", np.repeat(half_a_minute, 8, axis=1)),
        "tags.mp3": id3(EMPTY_FRAMES) + mp3,
        "between.mp3": mp3[:middle] + id3(EMPTY_FRAMES) + mp3[middle:],
        "noise.mp3": b"\xff\xfb\x90\x64" * 4_000_000,
    }


def longest_step(steps: Iterator[None]) -> float:
    """Seconds of computing, whatever else the machine does."""
    longest, started = 0.0, time.thread_time()
    for _ in steps:
        longest = max(longest, time.thread_time() - started)
        started = time.thread_time()
    return longest


def test_recordings_are_taken_in_short_steps(
    model_dirs: dict[int, Path], tmp_path: Path, recordings: dict[str, bytes]
) -> None:
    engine = make_engine(model_dirs[25], tmp_path)
    assert not engine.voices
    for name, content in recordings.items():
        (tmp_path / name).write_bytes(content)
        assert longest_step(engine.look_again()) < 0.15
    assert len(engine.voices) == len(recordings) - 1
    assert longest_step(engine.listen(recordings["tags.mp3"], "The recording")) < 0.15


async def test_others_are_answered_while_recordings_come(
    model_dirs: dict[int, Path], tmp_path: Path, recordings: dict[str, bytes]
) -> None:
    voices_dir = tmp_path / "voices"
    voices_dir.mkdir()
    options = ("--model-dir", str(model_dirs[25]), "--voices-dir", str(voices_dir))
    expected = {name.partition(".")[0] for name in recordings} - {"noise"}
    async with serving(*options) as (doors, process):
        for name, content in recordings.items():
            await asyncio.to_thread((voices_dir / name).write_bytes, content)
        heard = await doors.ask("POST", "/api/recordings", data=recordings["tags.mp3"])
        assert heard.json["problem"] is None
        found: set[str] = set()
        while not expected <= found:
            found = set(await voice_names(doors.uri))
            await asyncio.sleep(0.1)
        process.terminate()
        log = process.communicate(timeout=20)[1].decode()
    assert log.count("noise.mp3 cannot be read as audio") == 1
    assert "Traceback" not in log
    assert len(log) < 20_000
