"""The small natural voice, from a hub on this machine: asked for, or in a server's first minute."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engines.piper.sano_voice import MANIFEST, WEIGHTS, package
from tests.engines.piper.tiny_voice import write_voice
from tests.frontends.http.harness import serving
from tests.harness import (
    SETTINGS,
    clean_environment,
    free_port,
    pcm_of,
    run_command,
    server_process,
    stream,
    synthesize,
    types,
    voice_names,
    wait_until_ready,
)
from tests.hub import Hub, running_hub, visible
from wyoming_vietts.commands import first_voice
from wyoming_vietts.downloads.background import Downloads
from wyoming_vietts.downloads.table import DOWNLOADS, SMALL_VOICE, ModelFolders
from wyoming_vietts.engines.catalogue import make_catalogue
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.settings.command_line import parse_options
from wyoming_vietts.speech.synthesizer import Synthesizer

ONNX, JSON = f"{SMALL_VOICE}.onnx", f"{SMALL_VOICE}.onnx.json"
FILES = [file.name for file in DOWNLOADS[SMALL_VOICE].files]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """With a tiny voice in the place of the small one."""
    folder = tmp_path / "hub"
    folder.mkdir()
    for name, content in package().items():
        (folder / name).write_bytes(content)
    with running_hub(folder) as hub:
        yield hub


# --- asked for -----------------------------------------------------------------------------------


def test_downloaded_voice_is_converted_and_listed(hub: Hub, tmp_path: Path) -> None:
    folder = ("--piper-dir", str(tmp_path / "voices"), "--model-dir", str(tmp_path))
    result = run_command("download", SMALL_VOICE, *folder[:2], **hub.environment)
    assert result.returncode == 0, result.stderr
    assert f"Downloaded: '{SMALL_VOICE}' in " in result.stderr
    for right in ("GPL-3.0", "CC BY 4.0 (VAIS-1000)", "commercial use is unclear"):
        assert right in result.stderr
    assert visible(tmp_path / "voices") == [ONNX, JSON], "nothing that was published is left"
    assert [name for name, _ in hub.sent] == FILES
    assert f"{SMALL_VOICE}\t3 MB\t" in (listed := run_command("download", *folder).stdout)
    assert "less clear (sanoTTS) (is there)" in listed
    assert run_command("voices", *folder).stdout.startswith(f"{SMALL_VOICE}\t")


def test_repeated_download_mends_what_is_damaged_alone(hub: Hub, tmp_path: Path) -> None:
    arguments = ("download", SMALL_VOICE, "--piper-dir", str(tmp_path / "voices"))
    assert run_command(*arguments, **hub.environment).returncode == 0
    onnx, config = tmp_path / "voices" / ONNX, tmp_path / "voices" / JSON
    content, written = onnx.read_bytes(), config.stat().st_mtime_ns
    onnx.write_bytes(content[:-1])
    assert "Downloaded" in run_command(*arguments, **hub.environment).stderr
    assert onnx.read_bytes() == content
    assert "Already there" in run_command(*arguments, **hub.environment).stderr
    assert config.stat().st_mtime_ns == written


def test_voice_of_another_kind_is_one_sentence_and_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    manifest = json.loads((hub.folder / MANIFEST).read_bytes())
    manifest["format"] = "roota.q8.v2"
    (hub.folder / MANIFEST).write_text(json.dumps(manifest))
    result = run_command(
        *("download", SMALL_VOICE, "--piper-dir", str(tmp_path / "voices")), **hub.environment
    )
    assert result.returncode == 1
    assert f"{SMALL_VOICE} cannot be converted: the format is 'roota.q8.v2'" in result.stderr
    assert "Traceback" not in result.stderr
    assert visible(tmp_path / "voices") == []
    assert not (tmp_path / "voices" / ".download").exists(), "it is fetched anew the next time"


def test_files_have_the_hashes_that_the_hub_states_at_the_commit_of_the_first(
    hub: Hub, tmp_path: Path
) -> None:
    arguments = ("download", SMALL_VOICE, "--piper-dir", str(tmp_path / "voices"))
    for name in FILES:
        hub.lies = {name: (hub.folder / name).read_bytes()[:-1] + b"!"}
        result = run_command(*arguments, **hub.environment)
        assert result.returncode == 1
        assert f"{name} had the wrong content and was deleted" in result.stderr
        assert visible(tmp_path / "voices") == []
    hub.lies, hub.revisions = {}, []
    result = run_command(*arguments, **hub.environment)
    assert result.returncode == 0
    assert f"Downloading from ampixa/sanoTTS at commit {'0' * 40}\n" in result.stderr
    assert hub.revisions[0] == "main"
    assert set(hub.revisions[1:]) == {"0" * 40}


def test_hub_with_far_more_than_was_announced_is_refused(hub: Hub, tmp_path: Path) -> None:
    with (hub.folder / WEIGHTS).open("ab") as file:
        file.truncate(7_000_000)
    result = run_command(
        *("download", SMALL_VOICE, "--piper-dir", str(tmp_path / "voices")), **hub.environment
    )
    assert result.returncode == 1
    assert "ampixa/sanoTTS has 7 MB in place of the 3 MB that are expected" in result.stderr
    assert WEIGHTS not in [name for name, _ in hub.sent]


def test_two_downloads_at_once_fetch_once(hub: Hub, tmp_path: Path) -> None:
    hub.pause_seconds = 0.4
    command = [sys.executable, "-m", "wyoming_vietts", "download", SMALL_VOICE]
    command += ["--piper-dir", str(tmp_path / "voices")]
    environment = clean_environment() | hub.environment
    both = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert [name for name, _ in hub.sent] == FILES


# --- the first minute of a server ----------------------------------------------------------------

MAY_DOWNLOAD = {"WYOMING_VIETTS_NO_DOWNLOAD": "0"}
EMBEDDED = ["espeak-north-male", "espeak-north-female", "espeak-south-male"]
TEXT = "Xin chào."


async def wait_for_small_voice(uri: str) -> None:
    async with asyncio.timeout(30):
        while await voice_names(uri) != [SMALL_VOICE]:
            await asyncio.sleep(0.05)


async def test_server_speaks_at_once_and_then_with_the_small_voice(
    hub: Hub, tmp_path: Path
) -> None:
    hub.pause_seconds = 0.25
    folders = ("--piper-dir", str(tmp_path / "voices"), "--model-dir", str(tmp_path))
    environment = hub.environment | MAY_DOWNLOAD
    async with serving(*folders, environment=environment) as (doors, process):
        assert sorted(await voice_names(doors.uri)) == sorted(EMBEDDED)
        first = await synthesize(doors.uri, TEXT)
        streamed = await stream(doors.uri, ["Xin ", "chào."])
        listed = (await doors.get("/api/downloads")).json["downloads"]
        assert [each["name"] for each in listed if each["progress"] is not None] == [SMALL_VOICE]
        assert await voice_names(doors.uri) != [SMALL_VOICE], "it is still being fetched"

        await wait_for_small_voice(doors.uri)
        second = await synthesize(doors.uri, TEXT)
        assert types(second) == types(first)
        assert types(await stream(doors.uri, ["Xin ", "chào."])) == types(streamed)
        chosen = await synthesize(doors.uri, TEXT, SMALL_VOICE)
        assert len(pcm_of(second)) == len(pcm_of(chosen)) != len(pcm_of(first))
        stored = await synthesize(doors.uri, TEXT, EMBEDDED[0])
        assert len(pcm_of(stored)) == len(pcm_of(first)), "a stored name keeps its meaning"
        process.terminate()
        log = process.communicate(timeout=10)[1].decode()
    assert process.returncode == 0
    assert log.count(f"Downloading '{SMALL_VOICE}' (3 MB) meanwhile") == 1
    assert log.count(f"Downloaded '{SMALL_VOICE}'") == 1
    assert "script/run download vi_VN-vais1000-medium" in log, "the way to the better voice"
    assert "WARNING" not in log
    assert visible(tmp_path / "voices") == [ONNX, JSON]


async def test_failed_download_is_tried_again_later(hub: Hub, tmp_path: Path) -> None:
    hub.statuses[WEIGHTS] = 503
    uri = f"tcp://127.0.0.1:{free_port()}"
    code = (
        "import sys; from wyoming_vietts.commands import first_voice\n"
        "first_voice.RETRY_SECONDS = 0.2\n"
        "from wyoming_vietts.__main__ import main; sys.exit(main())"
    )
    arguments = ("--uri", uri, "--piper-dir", str(tmp_path / "voices"))
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-c", code, *arguments, "--model-dir", str(tmp_path)],
            env=clean_environment() | hub.environment | MAY_DOWNLOAD,
            stderr=output,
        ) as process,
    ):
        await wait_until_ready(uri)
        async with asyncio.timeout(20):
            while hub.revisions.count("main") < 2:
                await asyncio.sleep(0.05)
        assert EMBEDDED[0] in await voice_names(uri)
        hub.statuses.clear()
        await wait_for_small_voice(uri)
        async with asyncio.timeout(20):
            while f"Downloaded '{SMALL_VOICE}'" not in log.read_text():
                await asyncio.sleep(0.05)
        process.terminate()
        process.wait(10)
    lines = log.read_text().splitlines()
    failures = [line for line in lines if "WARNING" in line]
    assert f"The download of '{SMALL_VOICE}' failed: Cannot download {WEIGHTS}" in failures[0]
    for said in ("Downloading", "Downloaded"):
        assert sum(f"{said} '{SMALL_VOICE}'" in line for line in lines) == 1


@pytest.mark.parametrize("trouble", ["a hostile hub", "a silent hub", "no folder"])
async def test_trouble_keeps_no_server_from_speaking(
    hub: Hub, tmp_path: Path, trouble: str
) -> None:
    folder, environment = tmp_path / "voices", hub.environment | MAY_DOWNLOAD
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    if trouble == "a hostile hub":
        (hub.folder / MANIFEST).write_bytes(b"[" * 2_000_000)
    elif trouble == "a silent hub":
        environment["HF_ENDPOINT"] = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    else:
        (tmp_path / "file").touch()
        folder = tmp_path / "file" / "voices"
    uri = f"tcp://127.0.0.1:{free_port()}"
    arguments = ("--uri", uri, "--piper-dir", str(folder), "--model-dir", str(tmp_path))
    reasons = {"a hostile hub": f"{SMALL_VOICE} cannot be converted", "no folder": str(folder)}
    log = tmp_path / "log"
    with (
        log.open("w") as file,
        server_process(*arguments, environment=environment, stderr=file) as process,
    ):
        await wait_until_ready(uri)
        until = time.monotonic() + (30.0 if trouble in reasons else 1.5)
        while time.monotonic() < until and "WARNING" not in log.read_text():
            started = time.monotonic()
            assert types(await synthesize(uri, TEXT))[-1] == "audio-stop"
            assert time.monotonic() - started < 5.0
            await asyncio.sleep(0.05)
        process.terminate()
        process.wait(10)
    silent.close()
    assert process.returncode == 0
    assert "Traceback" not in log.read_text()
    warnings = [line for line in log.read_text().splitlines() if "WARNING" in line]
    if trouble in reasons:
        assert f"The download of '{SMALL_VOICE}' failed: " in warnings[0]
        assert reasons[trouble] in warnings[0]
    assert len(warnings) == (trouble in reasons)


@pytest.mark.parametrize("what", ["nothing", "--voice", "--engine", "another voice"])
async def test_small_voice_is_fetched_only_where_nothing_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(first_voice, "RESCAN_SECONDS", 0.0)
    started = []

    class Started(Downloads):
        def start(self, name: str) -> "asyncio.Task[None]":
            started.append(name)
            return asyncio.create_task(asyncio.sleep(0))

    arguments = ["--piper-dir", str(tmp_path), "--model-dir", str(tmp_path)]
    arguments += ["--engine", "espeak"] if what == "--engine" else []
    if what == "another voice":
        write_voice(tmp_path / "an.onnx")
    options = parse_options(arguments, {})
    catalogue = make_catalogue(options.engine, EngineSettings.of(options))
    settings = replace(SETTINGS, voice=EMBEDDED[0] if what == "--voice" else None)
    await first_voice.fetch_first_voice(
        Synthesizer(catalogue, settings), Started(ModelFolders(tmp_path, tmp_path, tmp_path))
    )
    assert started == ([SMALL_VOICE] if what == "nothing" else [])
