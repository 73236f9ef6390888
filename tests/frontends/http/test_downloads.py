"""Downloads that the page starts, from a hub on this machine."""

import asyncio
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.frontends.http.harness import Doors, running_doors, serving
from tests.harness import StepEngine
from tests.hub import Hub, running_hub
from wyoming_vietts.downloads.table import DOWNLOADS, NATURAL_VOICE, VIETTS
from wyoming_vietts.frontends.http import downloads

FILES = sorted(file.name for file in DOWNLOADS[VIETTS].files)


@pytest.fixture
def hub(model_dir: Path) -> Iterator[Hub]:
    with running_hub(model_dir) as hub:
        yield hub


async def listed(doors: Doors, name: str = VIETTS) -> Any:
    answer = (await doors.get("/api/downloads")).json["downloads"]
    return next(entry for entry in answer if entry["name"] == name)


async def ended(doors: Doors) -> Any:
    while (entry := await listed(doors))["progress"] is not None:
        await asyncio.sleep(0.05)
    return entry


async def test_what_there_is_is_listed(tmp_path: Path) -> None:
    for file in DOWNLOADS[NATURAL_VOICE].files:
        (tmp_path / file.name).touch()
    async with running_doors(StepEngine(), piper_dir=tmp_path) as doors:
        model, voice = await listed(doors), await listed(doors, NATURAL_VOICE)
    assert model == {
        "name": VIETTS,
        "description": DOWNLOADS[VIETTS].description,
        "megabytes": 2306,
        "licence": "CC BY-NC 4.0: not for commercial use",
        "is_there": False,
        "needs": None,
        "install": None,
        "progress": None,
        "error": None,
    }
    assert voice["is_there"]


async def test_download_is_fetched_by_a_process_and_then_there(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "fetched"
    options = ("--engine", "espeak", "--model-dir", str(folder))
    async with serving(*options, environment=hub.environment) as (doors, process):
        for _ in range(2):  # the second time changes nothing
            started = await doors.change("POST", f"/api/downloads/{VIETTS}")
            assert started.status == 202
            assert (await listed(doors))["progress"] is not None
        entry = await ended(doors)
        assert (entry["is_there"], entry["error"]) == (True, None)
        process.terminate()
        log = process.communicate(timeout=10)[1].decode()
    # The lock stays, as others may have opened it; see `hub`.
    names = {path.name for path in folder.iterdir()}
    assert names >= {".download.lock", "config.json", *FILES}
    assert all(
        name.endswith(".safetensors") for name in names - {".download.lock", "config.json", *FILES}
    )
    assert len(hub.sent) == len(FILES)
    assert "Downloaded 'vietts'" in log


async def test_download_that_fails_says_why_and_may_be_tried_again(
    hub: Hub, tmp_path: Path
) -> None:
    hub.statuses["flow.pt"] = 500
    options = ("--engine", "espeak", "--model-dir", str(tmp_path / "fetched"))
    async with serving(*options, environment=hub.environment) as (doors, _):
        await doors.change("POST", f"/api/downloads/{VIETTS}")
        entry = await ended(doors)
        assert not entry["is_there"]
        assert "Cannot download flow.pt of dangvansam/viet-tts" in entry["error"]
        del hub.statuses["flow.pt"]
        await doors.change("POST", f"/api/downloads/{VIETTS}")
        entry = await ended(doors)
    assert (entry["is_there"], entry["error"]) == (True, None)


async def test_download_can_be_cancelled_and_goes_on_later(hub: Hub, tmp_path: Path) -> None:
    hub.pause_seconds = 1.0
    options = ("--engine", "espeak", "--model-dir", str(tmp_path / "fetched"))
    async with serving(*options, environment=hub.environment) as (doors, _):
        await doors.change("POST", f"/api/downloads/{VIETTS}")
        while not (await listed(doors))["progress"]:
            await asyncio.sleep(0.05)
        assert (await doors.change("DELETE", f"/api/downloads/{VIETTS}")).status == 204
        entry = await listed(doors)
        assert (entry["progress"], entry["error"], entry["is_there"]) == (None, None, False)
        hub.pause_seconds = 0.0
        await doors.change("POST", f"/api/downloads/{VIETTS}")
        assert (await ended(doors))["is_there"]


async def test_download_that_cannot_begin_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    async with running_doors(StepEngine(), model_dir=tmp_path) as doors:
        await doors.change("POST", f"/api/downloads/{VIETTS}")
        entry = await ended(doors)
    assert "No space left" in entry["error"]
    assert f"The download of '{VIETTS}' failed: {entry['error']}" in caplog.text


async def test_stopping_server_stops_a_download(tmp_path: Path) -> None:
    async def never_answer(*_: object) -> None:
        await asyncio.sleep(60)

    silent = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    environment = {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "hf")}
    options = ("--engine", "espeak", "--model-dir", str(tmp_path / "fetched"))
    async with serving(*options, environment=environment) as (doors, process):
        await doors.change("POST", f"/api/downloads/{VIETTS}")
        await asyncio.sleep(1)
        process.terminate()
        log = process.communicate(timeout=10)[1].decode()
    silent.close()
    assert process.returncode == 0
    assert "Traceback" not in log


async def test_progress_is_what_has_come(tmp_path: Path) -> None:
    entry = DOWNLOADS[NATURAL_VOICE]
    (tmp_path / ".download").mkdir()
    (tmp_path / ".download" / "x.onnx.12345678").write_bytes(bytes(6_300_000))
    assert downloads._progress(entry, tmp_path) == pytest.approx(0.1)
    (tmp_path / entry.files[1].name).write_bytes(bytes(63_000_000))
    assert downloads._progress(entry, tmp_path) == 1.0


async def test_what_is_missing_is_named_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = downloads.importlib.util.find_spec  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "torch" else found(name)
    )
    async with running_doors(StepEngine()) as doors:
        entry = await listed(doors)
        needs = entry["needs"]
        answer = await doors.change("POST", f"/api/downloads/{VIETTS}")
        assert (await listed(doors, NATURAL_VOICE))["needs"] is None
    assert needs.startswith("It needs the package torch: ")
    assert needs.endswith("vietts")
    assert entry["install"]["kind"] == "command"
    assert entry["install"]["text"].endswith("/script/setup vietts")
    assert (answer.status, answer.error["message"]) == (409, needs)


@pytest.mark.parametrize("name", ["x", "..", "vietts%2f.."])
async def test_unknown_download_is_not_found(name: str) -> None:
    async with running_doors(StepEngine()) as doors:
        answer = await doors.change("POST", f"/api/downloads/{name}")
    assert answer.status in (404, 405)
