"""`wyoming-vietts download` from a hub on this machine."""

import hashlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.engines.vietts.speech import record
from tests.harness import (
    describe,
    free_port,
    pcm_of,
    run_command,
    server_process,
    synthesize,
    wait_until_ready,
)
from wyoming_vietts.engines.vietts.model.download import FILES, REPOSITORY


class Hub(ThreadingHTTPServer):
    """Serves a model directory as the hub does, but large files like small ones."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), HubRequest)
        self.folder = folder
        self.breaks_off: dict[str, int] = {}  # once, after how many bytes of which file
        self.sent: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def download(self, model_dir: Path) -> "subprocess.CompletedProcess[str]":
        return run_command(
            "download",
            *("--model-dir", str(model_dir)),
            HF_ENDPOINT=self.url,
            HF_HOME=str(model_dir.parent / "hub"),
            HF_HUB_DISABLE_PROGRESS_BARS="1",
        )


class HubRequest(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        prefix, name = f"/{REPOSITORY}/resolve/main/", self.path.rpartition("/")[2]
        path = self.server.folder / name
        if self.path != prefix + name or not path.is_file():
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body:
            self.server.sent.append(name)
            self.wfile.write(content[: self.server.breaks_off.pop(name, None)])
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is for the tests."""


@pytest.fixture
def hub(model_dir: Path) -> Iterator[Hub]:
    hub = Hub(model_dir)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    yield hub
    hub.shutdown()
    hub.server_close()


async def test_downloaded_model_speaks(hub: Hub, tmp_path: Path) -> None:
    fetched = tmp_path / "fetched"
    result = hub.download(fetched)
    assert result.returncode == 0, result.stderr
    for name in FILES:
        assert (fetched / name).read_bytes() == (hub.folder / name).read_bytes()
    for vocabulary in hub.folder.glob("*.tiktoken"):  # a tiny model has one of its own
        shutil.copy(vocabulary, fetched)
    (fetched / "voices").mkdir()
    record(fetched / "voices" / "an.wav")
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri, "--model-dir", str(fetched), "--threads", "1"):
        await wait_until_ready(uri)
        assert [voice.name for voice in (await describe(uri)).tts[0].voices] == ["an"]
        assert len(pcm_of(await synthesize(uri, "Xin chào."))) > 1000


def test_what_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    assert hub.download(tmp_path / "fetched").returncode == 0
    hub.sent.clear()
    assert hub.download(tmp_path / "fetched").returncode == 0
    assert hub.sent == []


def test_connection_that_breaks_off_is_made_again(hub: Hub, tmp_path: Path) -> None:
    hub.breaks_off["flow.pt"] = 1000
    result = hub.download(tmp_path / "fetched")
    assert result.returncode == 0, result.stderr
    assert hub.sent.count("flow.pt") == 2
    fetched = (tmp_path / "fetched" / "flow.pt").read_bytes()
    assert fetched == (hub.folder / "flow.pt").read_bytes()


def test_failed_download_goes_on_with_what_is_missing(hub: Hub, tmp_path: Path) -> None:
    fetched, hift = tmp_path / "fetched", hub.folder / "hift.pt"
    weights = hift.read_bytes()
    hift.unlink()
    result = hub.download(fetched)
    assert result.returncode == 1
    assert "Cannot download hift.pt of dangvansam/viet-tts: 404" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (fetched / "config.yaml").exists(), "what is there would pass for a model"
    hift.write_bytes(weights)
    hub.sent.clear()
    assert hub.download(fetched).returncode == 0
    assert hub.sent == list(FILES[2:])


def test_hub_that_cannot_be_reached_is_an_error(tmp_path: Path) -> None:
    result = run_command(
        "download",
        *("--model-dir", str(tmp_path / "fetched")),
        HF_ENDPOINT=f"http://127.0.0.1:{free_port()}",
        HF_HOME=str(tmp_path / "hub"),
    )
    assert result.returncode == 1
    assert "Cannot download llm.pt of dangvansam/viet-tts" in result.stderr
    assert "Traceback" not in result.stderr
