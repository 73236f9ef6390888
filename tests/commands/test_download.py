"""`wyoming-vietts download`, and `serve --download`, from a hub on this machine."""

import hashlib
import os
import pty
import random
import shutil
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.engines.piper.tiny_voice import write_voice
from tests.harness import (
    clean_environment,
    describe,
    free_port,
    pcm_of,
    ready_server,
    run_command,
    server_process,
    synthesize,
    voice_names,
    wait_until_ready,
)
from tests.http_server import serving
from tests.hub import Hub, running_hub, visible
from tests.recording_files import record
from wyoming_vietts.downloads.fetch import fetch
from wyoming_vietts.downloads.hub import find
from wyoming_vietts.downloads.table import DOWNLOADS, NATURAL_VOICE, VIETTS, HubFile
from wyoming_vietts.engines.vietts.device import choose_device, flow_type
from wyoming_vietts.engines.vietts.model.weights import weights_file
from wyoming_vietts.errors import SetupError

MODEL_FILES = [file.name for file in DOWNLOADS[VIETTS].files]
ONNX, JSON = f"{NATURAL_VOICE}.onnx", f"{NATURAL_VOICE}.onnx.json"


@pytest.fixture
def hub(model_dir: Path) -> Iterator[Hub]:
    """With a tiny model, and a tiny voice instead of the natural one."""
    write_voice(model_dir / ONNX)
    with running_hub(model_dir) as hub:
        yield hub


def download_model(hub: Hub, folder: Path) -> "subprocess.CompletedProcess[str]":
    return run_command("download", VIETTS, "--model-dir", str(folder), **hub.environment)


def download_voice(hub: Hub, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        voice_command(hub, "download", NATURAL_VOICE, "--piper-dir", str(folder)),
        env=clean_environment() | hub.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def voice_command(hub: Hub, *arguments: str) -> list[str]:
    """The program, which expects the tiny voice."""
    return [sys.executable, "-m", "tests.hub", str(hub.folder), *arguments]


# --- what is fetched -----------------------------------------------------------------------------


def test_list_names_sizes_and_licences(tmp_path: Path) -> None:
    result = run_command("download", "--piper-dir", str(tmp_path), "--model-dir", str(tmp_path))
    assert result.returncode == 0
    for name, size, licence in (
        (NATURAL_VOICE, "63 MB", "CC BY 4.0"),
        (VIETTS, "2306 MB", "CC BY-NC 4.0"),
    ):
        assert f"{name}\t{size}" in result.stdout
        assert licence in result.stdout
    assert "(is there)" not in result.stdout


async def test_downloaded_model_speaks(hub: Hub, tmp_path: Path) -> None:
    fetched = tmp_path / "fetched"
    result = download_model(hub, fetched)
    assert result.returncode == 0, result.stderr
    assert "CC BY-NC 4.0" in result.stderr
    converted = {name for name in visible(fetched) if name not in MODEL_FILES}
    flow = weights_file(fetched, "flow", flow_type(choose_device("cpu"), reduced_on_cpu=True)).name
    assert converted == {"config.json", "llm-int8.safetensors", flow, "hift.safetensors"}
    for name in MODEL_FILES:
        assert (fetched / name).read_bytes() == (hub.folder / name).read_bytes()
    for vocabulary in hub.folder.glob("*.tiktoken"):  # a tiny model has one of its own
        shutil.copy(vocabulary, fetched)
    (fetched / "voices").mkdir()
    record(fetched / "voices" / "an.wav")
    async with ready_server("--model-dir", str(fetched), "--threads", "1") as (uri, _):
        assert {name for name in visible(fetched) if name.endswith(".safetensors")} <= converted
        assert await voice_names(uri) == ["an"]
        assert len(pcm_of(await synthesize(uri, "Xin chào."))) > 1000


async def test_server_downloads_its_voice_before_it_speaks(hub: Hub, tmp_path: Path) -> None:
    uri, folder = f"tcp://127.0.0.1:{free_port()}", tmp_path / "voices"
    arguments = ("--uri", uri, "--piper-dir", str(folder), "--download", NATURAL_VOICE)
    for sent in ([(JSON, 0), (ONNX, 0)], []):
        hub.sent.clear()
        process = subprocess.Popen(
            voice_command(hub, "serve", *arguments), env=clean_environment() | hub.environment
        )
        try:
            await wait_until_ready(uri)
            (voice,) = (await describe(uri)).tts[0].voices
            assert (voice.name, voice.description) == (NATURAL_VOICE, "Giọng nữ miền Bắc, tự nhiên")
            assert len(pcm_of(await synthesize(uri, "Xin chào."))) > 1000
        finally:
            process.terminate()
            assert process.wait(10) == 0
        assert hub.sent == sent


async def test_server_that_cannot_download_speaks_all_the_same(hub: Hub, tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    hub.statuses[JSON] = 503
    arguments = ("--uri", uri, "--piper-dir", str(tmp_path / "voices"))
    with server_process(
        *(*arguments, "--download", NATURAL_VOICE), environment=hub.environment
    ) as process:
        await wait_until_ready(uri)
        assert len(pcm_of(await synthesize(uri, "Xin chào."))) > 1000
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr
        log = process.stderr.read().decode()
    assert f"Going on without '{NATURAL_VOICE}' until the next start: Cannot download {JSON}" in log
    assert "503" in log
    assert "Traceback" not in log


def test_what_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    for download in (download_model, download_voice):
        assert download(hub, tmp_path / "fetched").returncode == 0
        hub.sent.clear()
        result = download(hub, tmp_path / "fetched")
        assert result.returncode == 0
        assert "Already there" in result.stderr
        assert hub.sent == []


def test_complete_voice_needs_no_hub(hub: Hub, tmp_path: Path) -> None:
    assert download_voice(hub, tmp_path).returncode == 0
    hub.url = f"http://127.0.0.1:{free_port()}"
    assert download_voice(hub, tmp_path).returncode == 0


def test_file_that_differs_is_replaced(hub: Hub, tmp_path: Path) -> None:
    assert download_voice(hub, tmp_path).returncode == 0
    content = (tmp_path / ONNX).read_bytes()
    (tmp_path / ONNX).write_bytes(content[:-1] + b"?")
    hub.sent.clear()
    assert download_voice(hub, tmp_path).returncode == 0
    assert hub.sent == [(ONNX, 0)]
    assert (tmp_path / ONNX).read_bytes() == content


# --- a bad line, and a bad hub -------------------------------------------------------------------


def test_connection_that_breaks_off_is_continued(hub: Hub, tmp_path: Path) -> None:
    content = random.Random(0).randbytes(25_000_000)
    (hub.folder / ONNX).write_bytes(content)
    hub.cuts[ONNX] = [12_000_000, 22_000_000]
    result = download_voice(hub, tmp_path)
    assert result.returncode == 0, result.stderr
    first, second, third = (start for name, start in hub.sent if name == ONNX)
    assert first == 0 < second < third, "it goes on where it was"
    assert (tmp_path / ONNX).read_bytes() == content


def test_download_that_was_killed_is_continued(hub: Hub, tmp_path: Path) -> None:
    """Where it was, and not before everything that came then is checked."""
    part = hashlib.sha256((hub.folder / ONNX).read_bytes()).hexdigest()[:8]
    staging = tmp_path / ".download"
    staging.mkdir()
    content = (hub.folder / ONNX).read_bytes()
    (staging / f"{ONNX}.{part}").write_bytes(content[:700])
    result = download_voice(hub, tmp_path)
    assert result.returncode == 0, result.stderr
    assert hub.sent == [(JSON, 0), (ONNX, 700)]
    assert (tmp_path / ONNX).read_bytes() == content
    assert not staging.exists()


def test_hub_that_knows_no_ranges_is_continued_all_the_same(hub: Hub, tmp_path: Path) -> None:
    hub.knows_ranges = False
    hub.cuts[ONNX] = [700]
    result = download_voice(hub, tmp_path)
    assert result.returncode == 0, result.stderr
    assert hub.sent == [(JSON, 0), (ONNX, 0), (ONNX, 0)]
    assert (tmp_path / ONNX).read_bytes() == (hub.folder / ONNX).read_bytes()


def test_connection_that_breaks_off_again_and_again_is_an_error(hub: Hub, tmp_path: Path) -> None:
    hub.cuts[ONNX] = [700] * 10
    result = download_voice(hub, tmp_path)
    assert result.returncode == 1
    assert f"Cannot download {ONNX}" in result.stderr
    assert "the connection broke off); what has come is kept" in result.stderr
    (part,) = (tmp_path / ".download").glob(f"{ONNX}.????????")
    assert part.read_bytes() == (hub.folder / ONNX).read_bytes()[:700]


def test_file_is_taken_from_where_the_hub_redirects_to(hub: Hub, tmp_path: Path) -> None:
    """By the hash that the hub states beside the address; the token stays with the hub."""
    token = {"HF_TOKEN": "hf_secret"}
    with running_hub(hub.folder) as cdn:
        hub.cdn = cdn.url.replace("127.0.0.1", "localhost")
        result = run_command(
            "download", VIETTS, "--model-dir", str(tmp_path), **hub.environment, **token
        )
        assert result.returncode == 0, result.stderr
        assert [name for name, _ in cdn.sent] == MODEL_FILES[:-1]
        assert [name for name, _ in hub.sent] == MODEL_FILES[-1:]
        assert (hub.authorizations, cdn.authorizations) == ({"Bearer hf_secret"}, {None})
        hub.lies = cdn.lies = {"hift.pt": (hub.folder / "hift.pt").read_bytes()[:-1] + b"?"}
        (tmp_path / "hift.pt").unlink()
        result = download_model(hub, tmp_path)
        assert "hift.pt had the wrong content" in result.stderr
    assert "hf_secret" not in result.stderr


def test_commit_is_logged_and_pinned(hub: Hub, tmp_path: Path) -> None:
    result = download_model(hub, tmp_path)
    assert f"Downloading from dangvansam/viet-tts at commit {'0' * 40}\n" in result.stderr
    assert hub.revisions[0] == "main"
    assert set(hub.revisions[1:]) == {"0" * 40}, "all files are of one commit"


def test_proxy_is_used_unless_the_hub_needs_none(hub: Hub, tmp_path: Path) -> None:
    """The hub's name is of no meaning without the proxy, which is the hub itself."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    for proxy in ("HTTP_PROXY", "http_proxy"):
        result = run_command(
            *("download", VIETTS, "--model-dir", str(tmp_path / proxy)),
            **{"HF_ENDPOINT": "http://hub.invalid", proxy: hub.url},
        )
        assert result.returncode == 0, result.stderr
    for bypassed, status in (("127.0.0.1", 0), ("elsewhere.invalid", 1)):
        result = run_command(
            *("download", VIETTS, "--model-dir", str(tmp_path / bypassed)),
            **hub.environment | {"HTTP_PROXY": nowhere, "NO_PROXY": bypassed},
        )
        assert result.returncode == status, result.stderr


def test_certificate_of_the_hub_is_checked(hub: Hub, tmp_path: Path) -> None:
    certificate = tmp_path / "hub.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=hub", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", certificate, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    with running_hub(hub.folder, certificate) as hub:
        arguments = ("download", VIETTS, "--model-dir", str(tmp_path / "fetched"))
        result = run_command(*arguments, **hub.environment)
        assert result.returncode == 1
        assert "certificate of 127.0.0.1" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        result = run_command(*arguments, **hub.environment, SSL_CERT_FILE=str(certificate))
    assert result.returncode == 0, result.stderr


def test_failed_download_leaves_nothing_that_passes_for_a_model(hub: Hub, tmp_path: Path) -> None:
    fetched = tmp_path / "fetched"
    weights = (hub.folder / "hift.pt").read_bytes()
    (hub.folder / "hift.pt").unlink()
    result = download_model(hub, fetched)
    assert result.returncode == 1
    assert "Cannot download hift.pt of dangvansam/viet-tts: 404" in result.stderr
    assert "Traceback" not in result.stderr
    assert visible(fetched) == []
    (hub.folder / "hift.pt").write_bytes(weights)
    hub.sent.clear()
    assert download_model(hub, fetched).returncode == 0
    assert [name for name, _ in hub.sent] == MODEL_FILES[2:]


@pytest.mark.parametrize("name", [ONNX, JSON])
def test_wrong_content_is_thrown_away(hub: Hub, tmp_path: Path, name: str) -> None:
    fetched = tmp_path / "voices"
    hub.lies[name] = (hub.folder / name).read_bytes()[:-1] + b"?"
    result = download_voice(hub, fetched)
    assert result.returncode == 1
    assert f"{name} had the wrong content" in result.stderr
    assert visible(fetched) == []
    hub.lies.clear()
    assert download_voice(hub, fetched).returncode == 0, "nothing of the lie is left"


def test_wrong_weights_are_thrown_away(hub: Hub, tmp_path: Path) -> None:
    fetched = tmp_path / "fetched"
    hub.lies["llm.pt"] = bytes((hub.folder / "llm.pt").stat().st_size)
    result = download_model(hub, fetched)
    assert result.returncode == 1
    assert "llm.pt had the wrong content" in result.stderr
    assert visible(fetched) == []


def test_another_voice_of_the_same_name_is_refused(hub: Hub, tmp_path: Path) -> None:
    """The sizes and hashes are those of the published voice, not the hub's word."""
    fetched = tmp_path / "voices"
    arguments = ("download", NATURAL_VOICE, "--piper-dir", str(fetched))
    result = run_command(*arguments, **hub.environment)
    assert result.returncode == 1
    assert f"Cannot download {JSON}" in result.stderr
    assert visible(fetched) == []


@pytest.mark.parametrize("status", [404, 503])
def test_refusal_of_the_hub_is_one_sentence(hub: Hub, tmp_path: Path, status: int) -> None:
    hub.statuses = {JSON: status, "llm.pt": status}
    for download in (download_voice, download_model):
        result = download(hub, tmp_path / "fetched")
        assert result.returncode == 1
        assert f"{status} " in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("status", "header", "value"),
    [
        (200, "Content-Length", "9" * 5000),
        (200, "Content-Length", "-1"),
        (200, "ETag", '"' + "../" * 13 + 'x"'),
        (200, "X-Repo-Commit", "../../other"),
        (200, "X-Repo-Commit", "\x1b[2J" * 1000),
        (404, "X", "\x1b[2J" * 1000),
    ],
)
def test_nonsense_of_a_hub_is_one_short_printable_line(
    status: int, header: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Request(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status, value)
            headers = {"Content-Length": "5", "ETag": "0" * 40, header: value}
            for name, content in headers.items():
                self.send_header(name, content)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the tests' output is for the tests."""

    with serving(("127.0.0.1", 0), Request) as (host, port):
        monkeypatch.setenv("HF_ENDPOINT", f"http://{host}:{port}")
        with pytest.raises(SetupError, match=r"^Cannot download config\.yaml of a/b: ") as error:
            find("a/b", "main", HubFile("config.yaml", None, None))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("is_listening", [True, False])
def test_no_network_is_an_error_within_seconds(tmp_path: Path, is_listening: bool) -> None:
    """Whether nothing listens, or nothing ever answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if is_listening:
            silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for name in (VIETTS, NATURAL_VOICE):
            started = time.monotonic()
            result = run_command(
                *("download", name, "--model-dir", str(tmp_path), "--piper-dir", str(tmp_path)),
                HF_ENDPOINT=url,
                HF_HOME=str(tmp_path / "hf-home"),
            )
            assert result.returncode == 1
            assert "Cannot download" in result.stderr
            assert "Traceback" not in result.stderr
            assert time.monotonic() - started < 15


def test_full_disk_is_an_error_before_anything_is_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (hub.folder / "llm.pt").open("ab") as file:
        file.truncate(2_000_000)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(SetupError, match=r"llm\.pt needs 2 MB, and the disk of .* has 1 MB left"):
        fetch(DOWNLOADS[VIETTS], tmp_path / "fetched")
    assert hub.sent == []


def test_disk_that_becomes_full_is_one_sentence(hub: Hub, tmp_path: Path) -> None:
    (hub.folder / ONNX).write_bytes(bytes(3_000_000))
    result = subprocess.run(
        [
            *("prlimit", "--fsize=1000000"),
            *voice_command(hub, "download", NATURAL_VOICE, "--piper-dir", str(tmp_path)),
        ],
        env=clean_environment() | hub.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 1
    assert f"Cannot write {ONNX} into {tmp_path}: File too large" in result.stderr
    assert "Traceback" not in result.stderr
    assert download_voice(hub, tmp_path).returncode == 0
    assert hub.sent[-1] == (ONNX, 1_000_000), "what has come is kept"


def test_nothing_is_written_or_deleted_through_a_link(hub: Hub, tmp_path: Path) -> None:
    """Neither the lock, nor what has come so far, nor the voice itself."""
    valuable, folder = tmp_path / "valuable", tmp_path / "voices"
    (valuable / "inner").mkdir(parents=True)
    (valuable / "file").write_text("mine")
    (folder / ".download").mkdir(parents=True)
    part = hashlib.sha256((hub.folder / ONNX).read_bytes()).hexdigest()[:8]
    for link in (".download.lock", f".download/{ONNX}.{part}", ONNX):
        (folder / link).symlink_to(valuable / "file")
    assert download_voice(hub, folder).returncode == 0
    for link in (".download.lock", ONNX):
        assert not (folder / link).is_symlink()
    (folder / ONNX).unlink()
    (folder / ".download").symlink_to(valuable)
    assert download_voice(hub, folder).returncode == 0
    assert (folder / ONNX).read_bytes() == (hub.folder / ONNX).read_bytes()
    assert (valuable / "file").read_text() == "mine"
    assert sorted(path.name for path in valuable.iterdir()) == ["file", "inner"]


def test_two_downloads_at_once_fetch_once(hub: Hub, tmp_path: Path) -> None:
    command = voice_command(hub, "download", NATURAL_VOICE, "--piper-dir", str(tmp_path))
    environment = clean_environment() | hub.environment
    both = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert sorted(hub.sent) == [(ONNX, 0), (JSON, 0)]


# --- what is shown -------------------------------------------------------------------------------


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(hub: Hub, tmp_path: Path) -> None:
    command = voice_command(hub, "download", NATURAL_VOICE, "--piper-dir")
    environment = clean_environment() | hub.environment
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    subprocess.run([*command, str(tmp_path / "a")], env=environment, stderr=theirs, check=True)
    os.close(theirs)
    shown = b""
    while piece := read_terminal(ours):
        shown += piece
    os.close(ours)
    assert f"\r{ONNX}: 100%|".encode() in shown
    log = download_voice(hub, tmp_path / "b").stderr
    assert "\r" not in log
    assert f"{ONNX}: 100 % of" in log


def read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # its other end is closed
        return b""
