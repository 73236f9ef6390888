"""The app installs VietTTS's packages while it speaks: from a package index on this machine."""

import asyncio
import hashlib
import shutil
import sys
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.commands.test_homeassistant import App, stop
from tests.engines.piper.tiny_voice import write_voice
from tests.harness import pcm_of, synthesize, wait_until_ready
from tests.http_server import serving
from tests.hub import running_hub
from tests.recording_files import record
from wyoming_vietts.commands import packages as packages_module
from wyoming_vietts.commands.packages import Packages
from wyoming_vietts.downloads.table import NATURAL_VOICE
from wyoming_vietts.errors import SetupError

NAME = "vietts-extra"
MODULE = "vietts_extra"


def wheel(version: str) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        info = f"{MODULE}-{version}.dist-info"
        archive.writestr(f"{MODULE}.py", f"VERSION = '{version}'\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", "")
    return content.getvalue()


class Index:
    """A package index; `sends` is what comes of a wheel before the connection breaks off."""

    def __init__(self) -> None:
        self.wheels = {version: wheel(version) for version in ("1.0", "2.0")}
        self.asked: list[str] = []
        self.sends: int | None = None
        self.hold = False

    def pins(self, folder: Path, version: str, content: bytes | None = None) -> Path:
        """Write the pins of a version, and of a package that is installed and not on the index."""
        digest = hashlib.sha256(self.wheels[version] if content is None else content).hexdigest()
        installed = f"pytest=={pytest.__version__} \\\n    --hash=sha256:{'0' * 64}\n"
        folder.mkdir(exist_ok=True)
        (folder / "neural.txt").write_text(
            f"{installed}{NAME}=={version} \\\n    --hash=sha256:{digest}\n"
        )
        return folder


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    index = Index()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            version = next((v for v in index.wheels if f"-{v}-" in self.path), None)
            if version is None:
                links = (f"{MODULE}-{each}-py3-none-any.whl" for each in index.wheels)
                content = "".join(f'<a href="/{link}">{link}</a>' for link in links).encode()
            else:
                content = index.wheels[version]
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if version is None else "application/zip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if version is not None and index.hold:
                self.rfile.read(1)  # until the client has gone
            self.wfile.write(content if version is None else content[: index.sends])
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with serving(("127.0.0.1", 0), Answer) as (host, port):
        monkeypatch.setenv("PIP_INDEX_URL", f"http://{host}:{port}/simple")
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("PIP_RESUME_RETRIES", "0")
        monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
        monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
        yield index


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import the tests' module where VietTTS would be, and put back the path."""
    monkeypatch.setattr(packages_module, "_ENGINE", MODULE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")


async def test_app_speaks_while_it_installs_and_then_starts_again_with_vietts(
    tmp_path: Path, index: Index, model_dir: Path
) -> None:
    hub_dir = tmp_path / "hub"
    shutil.copytree(model_dir, hub_dir)
    write_voice(hub_dir / f"{NATURAL_VOICE}.onnx")
    with running_hub(hub_dir) as hub:
        app = App(tmp_path, hub)
        app.pins = index.pins(tmp_path / "pins", "1.0")
        app.choose(engine="vietts", voice="an")
        (app.data / "models" / "viet-tts").mkdir(parents=True)
        for vocabulary in hub_dir.glob("*.tiktoken"):  # a tiny model has one of its own
            shutil.move(vocabulary, app.data / "models" / "viet-tts")
        record(app.share / "voices" / "an.wav")
        index.hold = True
        with app.running() as process:
            await wait_until_ready(app.uri)
            async with asyncio.timeout(60):
                while not any(".whl" in path for path in index.asked):
                    await asyncio.sleep(0.1)
            assert (await app.voices())[0].startswith("espeak-")
            assert len(pcm_of(await synthesize(app.uri, "Xin chào."))) > 1000
            log = stop(process)  # a user who loses patience
        assert "Preparing VietTTS: its packages (1 GB), then its model (2.3 GB)" in log
        assert hub.sent == []
        index.hold = False
        with app.running() as process:
            await app.wait_for_voices(["an"])
            assert len(pcm_of(await synthesize(app.uri, "Xin chào."))) > 1000
            log = stop(process)
        assert "The packages of VietTTS are installed" in log
        assert "VietTTS is ready: starting again with it" in log
        assert log.count("Preparing VietTTS: its packages") == 1
        (place,) = (app.data / "packages").iterdir()
        assert (place / f"{MODULE}.py").is_file()
        assert not (place / "pytest").exists()


@pytest.mark.parametrize("fault", ["cut", "other content", "offline"])
async def test_failed_installation_leaves_nothing_in_use_and_the_next_one_succeeds(
    tmp_path: Path, index: Index, imported: None, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = index.pins(tmp_path / "pins", "1.0", b"other" if fault == "other content" else None)
    packages = Packages(tmp_path / "data", pins)
    index.sends = 100 if fault == "cut" else None
    with monkeypatch.context() as patch:
        if fault == "offline":
            patch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
        with pytest.raises(SetupError, match="is this machine connected to the Internet"):
            await packages.install()
    assert packages.are_missing
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["cache"]
    packages.use()
    assert str(tmp_path) not in "".join(sys.path)

    index.sends = None
    packages = Packages(tmp_path / "data", index.pins(tmp_path / "pins", "1.0"))
    await packages.install()
    assert not packages.are_missing


async def test_packages_of_other_pins_are_deleted_and_replaced(
    tmp_path: Path, index: Index, imported: None
) -> None:
    places = []
    for version in ("1.0", "2.0"):
        packages = Packages(tmp_path / "data", index.pins(tmp_path / "pins", version))
        assert packages.are_missing
        packages.use()
        assert not places or not places[0].exists()
        await packages.install()
        packages.use()
        places += [path for path in (tmp_path / "data").iterdir() if path not in places]
        assert (places[-1] / f"{MODULE}.py").read_text() == f"VERSION = '{version}'\n"
        assert sys.path[-1] == str(places[-1])


async def test_full_disk_is_named_before_anything_is_fetched(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = Packages(tmp_path / "data", index.pins(tmp_path / "pins", "1.0"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_900_000_000))
    with pytest.raises(SetupError, match=r"they need 2 GB, and the disk of .* has 1\.9 GB left"):
        await packages.install()
    assert index.asked == []


async def test_packages_that_cannot_be_imported_are_not_used(
    tmp_path: Path, index: Index, imported: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages_module, "_ENGINE", "vietts_missing")
    packages = Packages(tmp_path / "data", index.pins(tmp_path / "pins", "1.0"))
    with pytest.raises(SetupError, match=r"does not work: .*No module named 'vietts_missing'"):
        await packages.install()
    assert packages.are_missing


async def test_failure_is_logged_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Until both the packages and the model are there; progress is a line from time to time."""

    class Fails:
        are_missing, tries = True, 0

        async def install(self) -> None:
            self.tries += 1
            await asyncio.sleep(0.05)
            if self.tries < 3:
                raise OSError(28, "No space left on device")

        def use(self) -> None:
            self.are_missing = False

    class Downloads:
        folders = SimpleNamespace(
            model_dir=tmp_path / "models" / "viet-tts", folder_of=lambda _: tmp_path
        )
        started = 0

        def start(self, _: str) -> "asyncio.Task[None]":
            self.started += 1
            task = asyncio.create_task(asyncio.sleep(0))
            if self.started == 2:
                task.cancel()
            return task

        def error_of(self, _: str) -> str | None:
            return "no answer" if self.started == 1 else None

    packages: Any = Fails()
    downloads: Any = Downloads()
    monkeypatch.setattr(packages_module, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(packages_module, "PROGRESS_SECONDS", 0.02)
    caplog.set_level("INFO")
    await packages_module.prepare_vietts(packages, downloads)
    assert (packages.tries, downloads.started) == (3, 3)
    assert caplog.text.count("Cannot install its packages: [Errno 28] No space left") == 2
    assert caplog.text.count("the next try is in an hour: no answer") == 1
    assert caplog.text.count("The download of its model was stopped on the page") == 1
    assert "MB have come" in caplog.text
