"""The Home Assistant app as a process: options, downloads, and what the Supervisor is told."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.engines.piper.sano_voice import package
from tests.engines.piper.tiny_voice import write_voice
from tests.harness import (
    clean_environment,
    describe,
    free_port,
    pcm_of,
    synthesize,
    wait_until_ready,
)
from tests.hub import Hub, running_hub
from tests.recording_files import record
from tests.supervisor import Supervisor, running_supervisor
from wyoming_vietts.commands.homeassistant import downloads_for, load_options
from wyoming_vietts.downloads.table import NATURAL_VOICE, SMALL_VOICE
from wyoming_vietts.errors import SetupError

EMBEDDED: dict[str, Any] = {"engine": "espeak", "voice": "espeak-north-female"}
APP = """
import sys
from pathlib import Path
from tests.hub import expect_voice_of
from wyoming_vietts.__main__ import main
hub, *folders = sys.argv[1:]
if Path(hub).is_dir():
    expect_voice_of(Path(hub))
sys.exit(main(["homeassistant", *folders]))
"""


class App:
    """The app's folders, and its process once it is started."""

    def __init__(self, folder: Path, hub: Hub | None = None) -> None:
        self.data, self.share = folder / "data", folder / "share" / "vietts"
        self.data.mkdir()
        self.pins = folder / "pins"
        self.uri = f"tcp://127.0.0.1:{free_port()}"
        self.hub = hub

    def choose(self, **options: Any) -> None:
        (self.data / "options.json").write_text(json.dumps(options))

    def command(self, supervisor: Supervisor | None = None) -> dict[str, Any]:
        """What starts it, for subprocess."""
        hub = self.hub.folder if self.hub else "none"
        return {
            "args": [
                *(sys.executable, "-c", APP, str(hub)),
                *map(str, (self.data, self.share, self.pins)),
            ],
            "env": clean_environment()
            | {"WYOMING_VIETTS_URI": self.uri, "SUPERVISOR_API": f"http://127.0.0.1:{free_port()}"}
            | (self.hub.environment if self.hub else {})
            | (supervisor.environment if supervisor else {}),
        }

    @contextmanager
    def running(self, supervisor: Supervisor | None = None) -> Iterator["subprocess.Popen[str]"]:
        with subprocess.Popen(
            **self.command(supervisor), stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def log_of_failure(self) -> str:
        result = subprocess.run(**self.command(), capture_output=True, text=True, timeout=60)
        assert result.returncode == 1, result.stderr
        assert "Traceback" not in result.stderr
        return result.stderr

    async def voices(self) -> list[str]:
        return [voice.name for voice in (await describe(self.uri)).tts[0].voices]

    async def wait_for_voices(self, expected: list[str]) -> None:
        """Wait until it offers these, as after it has started again by itself."""
        async with asyncio.timeout(300):
            voices: list[str] = []
            while voices != expected:
                await asyncio.sleep(0.1)
                with suppress(OSError, EOFError, AssertionError):
                    voices = await self.voices()


def stop(process: "subprocess.Popen[str]") -> str:
    """As the Supervisor does: any status but 0 is a failure to it."""
    process.terminate()
    log = process.communicate(timeout=20)[1]
    assert process.returncode == 0, log
    assert "Traceback" not in log
    return log


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """With a tiny voice instead of the natural one."""
    (tmp_path / "hub").mkdir()
    write_voice(tmp_path / "hub" / f"{NATURAL_VOICE}.onnx")
    with running_hub(tmp_path / "hub") as hub:
        yield hub


# --- serving, and the Supervisor -----------------------------------------------------------------


async def test_app_speaks_as_chosen_and_is_announced_once_it_answers(app: App) -> None:
    app.choose(**EMBEDDED, speed=2.0, lexicon=["Aqara = a ca ra", "P. Khách = phòng khách"])
    async with running_supervisor() as supervisor:
        with app.running(supervisor) as process:
            await supervisor.wait_for(tries=1)
            said = await synthesize(app.uri, "Aqara P. Khách.")
            assert pcm_of(said) == pcm_of(await synthesize(app.uri, "a ca ra phòng khách."))
            host = socket.gethostname()
            port = app.uri.rpartition(":")[2]
            assert supervisor.messages == [
                {"service": "wyoming", "config": {"uri": f"tcp://{host}:{port}"}}
            ]
            log = stop(process)
    assert f"Announced to Home Assistant as {host}:{port}" in log
    assert "WARNING" not in log


async def test_speed_is_the_chosen_one(app: App) -> None:
    lengths = []
    for speed in (0.5, 2):
        app.choose(**EMBEDDED, speed=speed)
        with app.running() as process:
            await wait_until_ready(app.uri)
            lengths.append(len(pcm_of(await synthesize(app.uri, "Xin chào cả nhà."))))
            stop(process)
    assert lengths[0] > 2 * lengths[1]


@pytest.mark.parametrize("status", [None, "403 Forbidden"])
async def test_app_serves_whatever_the_supervisor_does(app: App, status: str | None) -> None:
    app.choose(**EMBEDDED)
    async with running_supervisor(status=status) as supervisor:
        with app.running(supervisor) as process:
            await supervisor.wait_for(tries=1)
            assert len(pcm_of(await synthesize(app.uri, "Xin chào."))) > 1000
            stop(process)
        assert supervisor.messages == []


async def test_supervisor_that_comes_late_is_told(app: App) -> None:
    app.choose(**EMBEDDED)
    port = free_port()
    with app.running(Supervisor(port)) as process:
        await wait_until_ready(app.uri)
        async with running_supervisor(port) as supervisor:
            await supervisor.wait_for(tries=1)
            assert len(supervisor.messages) == 1
        assert "WARNING" not in stop(process)


async def test_app_never_announces_itself_by_mdns(app: App) -> None:
    """Home Assistant would find one server twice."""
    app.choose(**EMBEDDED)
    command = app.command()
    command["env"]["WYOMING_VIETTS_ZEROCONF"] = "true"
    with subprocess.Popen(**command, stderr=subprocess.PIPE, text=True) as process:
        await wait_until_ready(app.uri)
        assert "Announced" not in stop(process)


async def test_user_sees_the_folders_for_recordings_and_voices(app: App) -> None:
    app.choose(voice="")
    with app.running() as process:
        await wait_until_ready(app.uri)
        assert (await app.voices())[0].startswith("espeak-")
        assert sorted(path.name for path in app.share.iterdir()) == ["piper", "voices"]
        write_voice(app.share / "piper" / "an.onnx")
        async with asyncio.timeout(30):
            while await app.voices() != ["an"]:
                await asyncio.sleep(0.5)
        stop(process)


async def test_start_with_the_embedded_voice_imports_no_large_package(app: App) -> None:
    app.choose(**EMBEDDED)
    command = app.command()
    command["args"][1:1] = ["-X", "importtime"]
    with subprocess.Popen(**command, stderr=subprocess.PIPE, text=True) as process:
        await wait_until_ready(app.uri)
        imported = {line.rpartition("|")[2].strip() for line in stop(process).splitlines()}
    assert "wyoming_vietts.commands.serve" in imported
    assert not imported & {"torch", "onnxruntime", "aiohttp", "zeroconf", "tomllib", "numpy"}


@pytest.mark.parametrize("address", ["http://[", "http://a:99999", "supervisor", "http://a..b"])
def test_wrong_address_of_the_supervisor_is_one_line(app: App, address: str) -> None:
    app.choose(**EMBEDDED)
    command = app.command()
    command["env"]["SUPERVISOR_API"] = address
    result = subprocess.run(**command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert f"SUPERVISOR_API is '{address}'; it must be like http://supervisor" in line


@pytest.mark.parametrize(
    ("content", "message"), [("a = b".encode("utf-16"), "not UTF-8"), (None, "not a regular file")]
)
def test_lexicon_of_the_app_that_cannot_be_read_is_one_line(
    app: App, content: bytes | None, message: str
) -> None:
    app.choose(**EMBEDDED)
    if content is None:
        os.mkfifo(app.data / "lexicon.txt")
    else:
        (app.data / "lexicon.txt").write_bytes(content)
    (line,) = app.log_of_failure().splitlines()
    assert message in line


# --- downloads -----------------------------------------------------------------------------------


async def test_chosen_voice_is_downloaded_once(tmp_path: Path, hub: Hub) -> None:
    app = App(tmp_path, hub)
    app.choose()
    for expected in (2, 0):
        hub.sent.clear()
        with app.running() as process:
            await wait_until_ready(app.uri)
            assert await app.voices() == [NATURAL_VOICE]
            assert len(pcm_of(await synthesize(app.uri, "Xin chào."))) > 1000
            stop(process)
        assert len(hub.sent) == expected
    assert (app.share / "piper" / f"{NATURAL_VOICE}.onnx").is_file()


async def test_neural_engine_gets_its_model_and_clones_what_the_user_has_recorded(
    tmp_path: Path, hub: Hub, model_dir: Path
) -> None:
    app = App(tmp_path, hub)
    app.choose(engine="vietts", voice="an")
    models = app.data / "models"  # config.yaml leaves these out of backups
    shutil.copytree(model_dir, hub.folder, dirs_exist_ok=True)
    for vocabulary in hub.folder.glob("*.tiktoken"):  # a tiny model has one of its own
        (models / "viet-tts").mkdir(parents=True)
        shutil.move(vocabulary, models / "viet-tts")
    record(app.share / "voices" / "an.wav")
    with app.running() as process:
        await wait_until_ready(app.uri)
        assert (await app.voices())[0].startswith("espeak-")
        await app.wait_for_voices(["an"])
        assert len(pcm_of(await synthesize(app.uri, "Xin chào."))) > 1000
        stop(process)
    assert {name for name, _ in hub.sent} <= {path.name for path in (models / "viet-tts").iterdir()}
    assert {path.name for path in app.data.iterdir()} == {"models", "lexicon.txt", "options.json"}


@pytest.mark.parametrize("engine", ["auto", "vietts", "piper"])
async def test_app_speaks_when_nothing_can_be_downloaded(
    tmp_path: Path, hub: Hub, engine: str
) -> None:
    app = App(tmp_path, hub)
    app.choose(engine=engine)
    hub.statuses = {f"{NATURAL_VOICE}.onnx.json": 503, "llm.pt": 503}
    with app.running() as process:
        await wait_until_ready(app.uri)
        assert len(pcm_of(await synthesize(app.uri, "Xin chào."))) > 1000
        log = stop(process)
    assert f"Going on without '{NATURAL_VOICE}' until the next start: Cannot download" in log
    assert ("Preparing VietTTS" in log) == (engine == "vietts")
    # Its user has no shell.
    assert f"(63 MB): set the option 'voice' to {NATURAL_VOICE}, and restart the app\n" in log
    assert "script/run" not in log


@pytest.mark.parametrize("no_download", [False, True])
async def test_app_without_its_voice_fetches_the_small_one_unless_told_not_to(
    tmp_path: Path, hub: Hub, no_download: bool
) -> None:
    app = App(tmp_path, hub)
    app.choose(no_download=no_download)
    for name, content in package().items():
        (hub.folder / name).write_bytes(content)
    hub.statuses = {f"{NATURAL_VOICE}.onnx.json": 503}
    command = app.command()
    command["env"]["WYOMING_VIETTS_NO_DOWNLOAD"] = "0"
    with subprocess.Popen(**command, stderr=subprocess.PIPE, text=True) as process:
        await wait_until_ready(app.uri)
        assert await app.voices() != [SMALL_VOICE]
        async with asyncio.timeout(30):
            while not no_download and await app.voices() != [SMALL_VOICE]:
                await asyncio.sleep(0.05)
        log = stop(process)
    assert (f"Downloading '{SMALL_VOICE}'" in log) is not no_download


async def test_embedded_engine_downloads_nothing(tmp_path: Path, hub: Hub) -> None:
    app = App(tmp_path, hub)
    app.choose(engine="espeak")
    log = app.log_of_failure()
    assert f"Option 'voice': Unknown voice '{NATURAL_VOICE}'; available: espeak-north-male" in log
    assert hub.sent == []


@pytest.mark.parametrize("engine", ["auto", "piper"])
def test_app_starts_without_the_model_but_not_without_small_downloads(engine: str) -> None:
    assert downloads_for({"engine": engine, "voice": NATURAL_VOICE}) == [NATURAL_VOICE]
    assert downloads_for({"engine": engine, "voice": "vietts"}) == []
    assert downloads_for({"engine": "vietts", "voice": "an"}) == []
    assert downloads_for({"engine": "vieneu", "voice": NATURAL_VOICE}) == ["vieneu"]
    assert downloads_for({"engine": "vietts", "voice": NATURAL_VOICE}) == [NATURAL_VOICE]


async def test_app_that_is_stopped_while_it_downloads_has_not_failed(
    tmp_path: Path, hub: Hub
) -> None:
    app = App(tmp_path, hub)
    app.choose()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hub.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with app.running() as process:
            silent.settimeout(60)
            connection, _ = await asyncio.to_thread(silent.accept)
            assert "Stopped" in stop(process)
            connection.close()


# --- the HTTP API --------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "open-sesame"])
async def test_token_opens_the_api_to_the_homes_network_but_changes_nothing(
    app: App, token: str
) -> None:
    app.choose(**EMBEDDED, http_token=token)
    url = f"http://127.0.0.1:{free_port()}"
    command = app.command()
    command["env"] |= {
        "WYOMING_VIETTS_HTTP": url.removeprefix("http://"),
        "WYOMING_VIETTS_HTTP_ALLOW": "172.30.32.2",  # as in the image
        "WYOMING_VIETTS_HTTP_PROXIES": "127.0.0.1",  # so that clients from anywhere can be played
    }

    async def status(path: str, client: str, method: str = "GET", **headers: str) -> int:
        headers |= {"X-Forwarded-For": client, "X-Forwarded-Host": "homeassistant.local:10280"}
        async with session.request(method, url + path, headers=headers) as answer:
            return answer.status

    with subprocess.Popen(**command, stderr=subprocess.DEVNULL) as process:
        try:
            await wait_until_ready(app.uri)
            async with aiohttp.ClientSession() as session:
                key = {"Authorization": "Bearer open-sesame"}
                opened = 200 if token else 403
                for client in ("192.168.1.7", "172.30.32.1", "fd12::1"):
                    assert await status("/v1/models", client, **key) == opened
                    assert await status("/v1/models", client) == (401 if token else 403)
                assert await status("/v1/models", "8.8.8.8", **key) == 403
                assert await status("/api/default", "192.168.1.7", "PUT", **key) == 403
        finally:
            process.kill()


# --- wrong options -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "pipes"}, "Option 'engine' is 'pipes'; it must be one of auto, vietts, "),
        ({"engine": ["piper"]}, "Option 'engine' is ['piper']; it must be one of auto, vietts, "),
        ({"voice": None}, "Option 'voice' is None; it must be a name"),
        ({"speed": 3}, "Option 'speed' is 3; it must be a number from 0.5 to 2"),
        ({"speed": "1"}, "Option 'speed' is '1'; it must be a number from 0.5 to 2"),
        ({"speed": True}, "Option 'speed' is True; it must be a number from 0.5 to 2"),
        ({"speed": float("nan")}, "Option 'speed' is nan; it must be a number from 0.5 to 2"),
        ({"quality": "best"}, "Option 'quality' is 'best'; it must be one of exact, balanced, "),
        ({"http_token": "mật khẩu"}, "Option 'http_token' is 'mật khẩu'; it must be of ASCII"),
        ({"http_token": 5}, "Option 'http_token' is 5; it must be of ASCII"),
        ({"lexicon": "a = b"}, "Option 'lexicon' is 'a = b'; it must be a list of lines"),
        ({"lexicon": [1]}, "Option 'lexicon' is [1]; it must be a list of lines"),
        ({"sentence_silence": 11}, "Option 'sentence_silence' is 11; it must be a number from 0"),
        ({"debug": "yes"}, "Option 'debug' is 'yes'; it must be true or false"),
        ({"sped": 1}, "Unknown option 'sped'; did you mean speed?"),
        ({"xyz": 1}, "Unknown option 'xyz'; known: engine, voice, "),
    ],
)
def test_wrong_option_is_refused_by_its_name(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    file = tmp_path / "options.json"
    file.write_text(json.dumps(options))
    with pytest.raises(SetupError) as error:
        load_options(file)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "it must be an object of options, not []"),
        ("null", "it must be an object of options, not None"),
        ("3", "it must be an object of options, not 3"),
        ("[" * 100_000, "options.json: "),
        ('{"a":' * 100_000, "options.json: "),
        ('{"voice": "\\ud83d"}', "it must be a name"),
        ('{"voice": "an\\n2026-01-01 INFO forged"}', "it must be a name"),
        ('{"\\ud83d": 1}', "Unknown option '\\ud83d'"),
        ('{"lexicon": ["A = a", "\\ud83d = b"]}', "it must be a list of lines"),
        ('{"lexicon": ["A = a\\nB = b"]}', "it must be a list of lines"),
        ('{"lexicon": ["A = a\\u2028B = b"]}', "it must be a list of lines"),
    ],
)
def test_file_that_no_supervisor_writes_ends_with_one_line(
    app: App, content: str, message: str
) -> None:
    (app.data / "options.json").write_text(content)
    lines = app.log_of_failure().splitlines()
    assert len(lines) == 1
    assert message in lines[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EMBEDDED | {"speed": 9}, "Option 'speed' is 9; it must be a number from 0.5 to 2"),
        (EMBEDDED | {"voice": "an"}, "Option 'voice': Unknown voice 'an'; available: espeak-"),
        (EMBEDDED | {"lexicon": ["A = a", "nonsense"]}, "Option 'lexicon': "),
    ],
)
def test_app_with_a_wrong_option_ends_with_one_line(
    app: App, options: dict[str, Any], message: str
) -> None:
    app.choose(**options)
    lines = app.log_of_failure().splitlines()
    assert message in lines[-1]
    assert sum("CRITICAL" in line for line in lines) == 1


def test_wrong_lexicon_is_found_before_anything_is_downloaded(tmp_path: Path, hub: Hub) -> None:
    app = App(tmp_path, hub)
    app.choose(lexicon=["A = a", "nonsense"])
    assert "line 2: expected 'written = spoken', found nonsense" in app.log_of_failure()
    assert hub.sent == []


def test_words_added_on_the_page_outlive_the_next_start(app: App) -> None:
    lexicon = app.data / "lexicon.txt"
    app.choose(**EMBEDDED, lexicon=["Aqara = a ca ra"])
    for spoken in ("a ca ra", "a qua ra"):
        app.choose(**EMBEDDED, lexicon=[f"Aqara = {spoken}"])
        with app.running():
            asyncio.run(wait_until_ready(app.uri))
        lines = lexicon.read_text().splitlines()
        assert lines[0] == f"Aqara = {spoken}"
        assert lines.count("Viera = vi ra") == (spoken == "a qua ra")
        lexicon.write_text(lexicon.read_text() + "Viera = vi ra\n")
    assert "Aqara = a ca ra" not in lexicon.read_text()


def test_word_of_the_options_that_the_page_has_changed_stays_so_until_they_change(app: App) -> None:
    lexicon = app.data / "lexicon.txt"
    starts = (("Aqara = a ca ra", "a ca ra"), ("Aqara = a ca ra", "a qua"), ("Aqara = e", "e"))
    for option, spoken in starts:
        app.choose(**EMBEDDED, lexicon=[option])
        with app.running():
            asyncio.run(wait_until_ready(app.uri))
        assert lexicon.read_text().startswith(f"Aqara = {spoken}\n")
        lexicon.write_text(lexicon.read_text().replace("a ca ra", "a qua"))  # as the page does


def test_missing_options_are_an_error_that_names_the_file(app: App) -> None:
    assert f"{app.data / 'options.json'}" in app.log_of_failure()
    (app.data / "options.json").write_text("{")
    assert f"{app.data / 'options.json'}" in app.log_of_failure()


async def test_what_is_spoken_is_logged_when_debugging(app: App) -> None:
    app.choose(**EMBEDDED, debug=True)
    with app.running() as process:
        await wait_until_ready(app.uri)
        await synthesize(app.uri, "Xin chào.")
        assert "DEBUG" in stop(process)
