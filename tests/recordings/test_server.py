"""A server beside whose clients recordings are dropped into its folder, or sent to its page."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from tests.frontends.http.harness import serving
from tests.harness import describe
from tests.recordings.test_decoding import EMPTY_FRAMES, ENCODERS, id3, with_libsndfile
from tests.recordings.test_listening import MEN, TEXTS, spoken
from wyoming_vietts.recordings.speech import HEARD_SECONDS

PERIOD_SECONDS = 0.05


async def slowest_describe(uri: str, until: asyncio.Event) -> float:
    """Ask every 50 ms."""
    slowest = 0.0
    while not until.is_set():
        started = time.perf_counter()
        await describe(uri)
        slowest = max(slowest, time.perf_counter() - started)
        await asyncio.sleep(PERIOD_SECONDS)
    return slowest


@pytest.fixture(scope="module")
def half_a_minute() -> np.ndarray:
    """[N, 1] at 48 kHz, of somebody who speaks."""
    samples = spoken(MEN[0], *TEXTS).astype(np.float32) / 32768
    at_48_khz = np.interp(np.arange(0, len(samples), 22_050 / 48_000), range(len(samples)), samples)
    return np.tile(at_48_khz, 3)[: 30 * 48_000, None].astype(np.float32)


async def test_others_are_answered_while_recordings_come(
    model_dirs: dict[int, Path], tmp_path: Path, half_a_minute: np.ndarray
) -> None:
    mp3 = ENCODERS["mp3"](half_a_minute)
    recordings = {
        **{f"{suffix}.{suffix}": ENCODERS[suffix](half_a_minute) for suffix in ENCODERS},
        "eight.ogg": with_libsndfile("OGG", np.repeat(half_a_minute, 8, axis=1)),
        "tags.mp3": id3(EMPTY_FRAMES) + mp3,
        "between.mp3": mp3[: len(mp3) // 2] + id3(EMPTY_FRAMES) + mp3[len(mp3) // 2 :],
        "noise.mp3": b"\xff\xfb\x90\x64" * 4_000_000,
    }
    voices_dir = tmp_path / "voices"
    voices_dir.mkdir()
    options = ("--model-dir", str(model_dirs[25]), "--voices-dir", str(voices_dir))
    assert HEARD_SECONDS > 30
    async with serving(*options) as (doors, process):
        done = asyncio.Event()
        asyncio.get_running_loop().call_later(2, done.set)
        idle = await slowest_describe(doors.uri, done)
        done = asyncio.Event()
        asking = asyncio.create_task(slowest_describe(doors.uri, done))
        for name, content in recordings.items():
            await asyncio.to_thread((voices_dir / name).write_bytes, content)
        heard = await doors.ask("POST", "/api/recordings", data=recordings["tags.mp3"])
        assert heard.json["problem"] is None
        expected = {name.partition(".")[0] for name in recordings} - {"noise"}
        for _ in range(120):
            info = await describe(doors.uri)
            if expected <= {voice.name for voice in info.tts[0].voices}:
                break
            await asyncio.sleep(0.5)
        done.set()
        assert expected <= {voice.name for voice in info.tts[0].voices}
        assert await asking < 0.5 + idle
        process.terminate()
        log = process.communicate(timeout=20)[1].decode()
    assert log.count("noise.mp3 cannot be read as audio") == 1
    assert "Traceback" not in log
    assert len(log) < 20_000
