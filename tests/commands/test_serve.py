"""The server as a process: addresses, signals, stdio."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from wyoming.tts import Synthesize

from tests.harness import (
    clean_environment,
    connected,
    describe,
    free_port,
    pcm_of,
    read_until,
    ready_server,
    run_command,
    server_process,
    synthesize,
    types,
    wait_until_ready,
)
from tests.hub import running_hub
from wyoming_vietts.downloads.table import NATURAL_VOICE

TWENTY_SENTENCES = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "espeak", "--voice", "x"], "Unknown voice 'x'; available: espeak-north-male"),
        (["--uri", "tcp://127.0.0.1:1", "--zeroconf"], "listens on loopback (127.0.0.1)"),
        (["--uri", "tcp://localhost:1", "--zeroconf"], "listens on loopback (localhost)"),
        (["--uri", "stdio://", "--zeroconf"], "needs a tcp:// address"),
        (["--lexicon", "/does/not/exist"], "/does/not/exist"),
        (["--uri", "unix:///does/not/exist/socket"], "/does/not/exist/socket"),
        (["--http", "192.0.2.1:1"], "Cannot listen on 192.0.2.1:1: "),
    ],
)
def test_what_cannot_be_served_ends_with_one_line(arguments: list[str], message: str) -> None:
    result = run_command(*arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_port_in_use_ends_with_one_line() -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri):
        asyncio.run(wait_until_ready(uri))
        result = run_command("--uri", uri)
    assert result.returncode == 1
    assert "Address already in use" in result.stderr
    assert "Traceback" not in result.stderr


async def test_describe_is_answered_soon_after_start() -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri, "--engine", "espeak"):
        started = time.perf_counter()
        await wait_until_ready(uri)
        assert time.perf_counter() - started < 5


async def test_what_has_no_effect_is_a_warning(tmp_path: Path) -> None:
    flags = ("--http-token", "x", "--voices-dir", str(tmp_path / "none"))
    async with ready_server("--engine", "espeak", *flags) as (_uri, process):
        process.terminate()
        log = process.communicate()[1].decode()
    assert "--http-token has no effect without --http" in log
    assert f"--voices-dir: there is no folder {tmp_path}/none yet" in log
    assert log.count("WARNING") == 2


async def test_lexicon_is_there_by_default(tmp_path: Path) -> None:
    async with ready_server("--engine", "espeak", cwd=tmp_path) as (uri, _):
        wanted = pcm_of(await synthesize(uri, "bình minh"))
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "lexicon.txt").write_text("hỏng\nBM = bình minh\n")
        assert pcm_of(await synthesize(uri, "BM")) == wanted


async def test_first_start_speaks_and_says_how_to_get_a_natural_voice(tmp_path: Path) -> None:
    uri, folder = f"tcp://127.0.0.1:{free_port()}", tmp_path / "voices"
    arguments = ("--uri", uri, "--model-dir", str(tmp_path), "--piper-dir", str(folder))
    with running_hub(tmp_path / "hub") as hub, server_process(*arguments) as process:
        await wait_until_ready(uri)
        assert types(await synthesize(uri, "Xin chào."))[-1] == "audio-stop"
        process.terminate()
        log = process.communicate()[1].decode()
        lines = [line for line in log.splitlines() if "natural voice" in line]
        assert len(lines) == 1
        assert " INFO " in lines[0]
        assert "Downloading" not in log
        said = lines[0].split("MB): ")[1]
        assert said.endswith(f"script/run download {NATURAL_VOICE} --piper-dir {folder}")
        # The very command finds its way to the hub, and the folder.
        command = subprocess.run(said.split(), env=clean_environment() | hub.environment,
            cwd=Path.cwd(), capture_output=True, text=True, check=False)  # fmt: skip
    assert f"Cannot download {NATURAL_VOICE}.onnx.json" in command.stderr
    assert folder.is_dir()


async def test_first_start_with_the_page_names_it(tmp_path: Path) -> None:
    uri, page = f"tcp://127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    arguments = ("--uri", uri, "--http", page, "--piper-dir", str(tmp_path))
    with server_process(*arguments, "--model-dir", str(tmp_path)) as process:
        await wait_until_ready(uri)
        process.terminate()
        log = process.communicate()[1].decode()
    assert "MB): download it on the page, or " in log


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
async def test_signal_lets_the_utterance_finish_and_exits_0(stop_signal: signal.Signals) -> None:
    async with ready_server("--engine", "espeak") as (uri, process):
        async with connected(uri) as client, connected(uri):  # the second one stays idle
            await client.write_event(Synthesize(TWENTY_SENTENCES).event())
            await read_until(client, "audio-chunk")
            process.send_signal(stop_signal)
            events = await read_until(client)
        assert events[-1].type == "audio-stop"
        log = process.communicate(timeout=10)[1].decode()
        assert process.returncode == 0
    assert "Traceback" not in log
    assert "ERROR" not in log


async def test_signal_ends_an_utterance_that_takes_too_long_with_an_error() -> None:
    async with ready_server("--engine", "espeak") as (uri, process):
        async with connected(uri) as client:
            await client.write_event(Synthesize(TWENTY_SENTENCES * 10).event())
            await read_until(client, "audio-chunk")
            process.terminate()
            await asyncio.sleep(5.5)  # as a client that is slow to read
            events = await read_until(client)
        assert events[-1].type == "error"
        assert "shutting down" in events[-1].data["text"]
        process.communicate(timeout=10)
        assert process.returncode == 0


async def test_stopping_server_takes_no_new_clients() -> None:
    async with ready_server("--engine", "espeak") as (uri, process):
        process.terminate()
        process.communicate(timeout=10)
        with pytest.raises(ConnectionRefusedError):
            await describe(uri)


async def test_unix_socket_serves_replaces_a_stale_one_and_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "say.sock"
    uri = f"unix://{path}"
    with server_process("--uri", uri) as process:
        await wait_until_ready(uri)
        process.kill()
        process.communicate()
    assert path.exists(), "a killed server leaves its socket behind"
    with server_process("--uri", uri) as process:
        await wait_until_ready(uri)
        process.terminate()
        process.communicate(timeout=10)
    assert not path.exists()


def test_unix_socket_never_removes_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("mine")
    assert run_command("--uri", f"unix://{path}").returncode == 1
    assert path.read_text() == "mine"


def test_stdio_answers_all_that_is_piped_in_and_ends() -> None:
    requests = [
        {"type": "describe"},
        {"type": "synthesize", "data": {"text": "Xin chào. Tạm biệt."}},
    ]
    sent = "".join(json.dumps(request) + "\n" for request in requests)
    with server_process(
        "--uri", "stdio://", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        answer, log = process.communicate(sent.encode(), timeout=30)
        assert process.returncode == 0, log
    assert answer.startswith(b'{"type": "info"')
    assert answer.count(b'{"type": "audio-start"') == 1
    assert answer.count(b'{"type": "audio-stop"') == 1
    assert len(answer) > 22_050 * 2


def test_stdio_waits_for_as_long_as_its_client_likes() -> None:
    with server_process(
        *("--uri", "stdio://", "--idle-timeout", "1"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b'{"type": "ping"}\n')
        process.stdin.flush()
        time.sleep(2.5)
        assert process.poll() is None
        answer, log = process.communicate(b'{"type": "ping"}\n', timeout=30)
    assert answer.count(b'"pong"') == 2, log


def test_stdio_gives_a_slow_reader_everything() -> None:
    text = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 3
    request = json.dumps({"type": "synthesize", "data": {"text": text}}).encode() + b"\n"
    answers = []
    for pause in (0.0, 1.5):
        with server_process(
            "--uri", "stdio://", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(request)
            process.stdin.close()
            time.sleep(pause)
            answers.append(process.stdout.read())
            assert process.wait(10) == 0
    assert answers[0] == answers[1]
    assert b'"audio-stop"' in answers[1]


def test_stdio_reads_a_file_and_ends_on_no_input(tmp_path: Path) -> None:
    requests = tmp_path / "requests"
    requests.write_text('{"type":"ping","data":{"text":"a"}}\n')
    for path, expected in ((requests, b"pong"), (Path(os.devnull), b"")):
        with (
            path.open("rb") as file,
            server_process("--uri", "stdio://", stdin=file, stdout=subprocess.PIPE) as process,
        ):
            answer, _ = process.communicate(timeout=20)
            assert process.returncode == 0
            assert expected in answer


def test_stdio_to_a_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("wb") as file,
        server_process("--uri", "stdio://", stdin=subprocess.PIPE, stdout=file) as process,
    ):
        log = process.communicate(timeout=20)[1].decode()
        assert process.returncode == 1
    assert "standard output must be a pipe" in log


async def test_second_server_on_one_unix_socket_is_refused(tmp_path: Path) -> None:
    uri = f"unix://{tmp_path / 'say.sock'}"
    with server_process("--uri", uri):
        await wait_until_ready(uri)
        second = await asyncio.to_thread(run_command, "--uri", uri)
        assert second.returncode == 1
        assert "another server listens there" in second.stderr
        assert (await describe(uri)).tts


# --- the HTTP door -------------------------------------------------------------------------------


def run_code(code: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with an empty standard input, as a client that asks for nothing."""
    return subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, env=clean_environment())  # fmt: skip


def test_without_http_its_packages_are_not_imported() -> None:
    code = (
        "import sys; from wyoming_vietts.__main__ import main\n"
        "main(['--uri', 'stdio://', '--engine', 'espeak'%s]); print(*sys.modules, file=sys.stderr)"
    )
    packages = {"aiohttp", "prometheus_client", "numpy"}
    without = run_code(code % "").stderr.splitlines()[-1].split()
    assert "wyoming_vietts.commands.serve" in without
    assert not packages & set(without)
    address = f"127.0.0.1:{free_port()}"
    with_http = run_code(code % f", '--http', '{address}'").stderr.splitlines()[-1].split()
    assert packages <= set(with_http)
    assert not {"torch", "onnxruntime", "av", "soundfile"} & set(with_http)


@pytest.mark.parametrize("package", ["aiohttp", "prometheus_client"])
def test_http_without_its_packages_says_how_to_install_them(package: str) -> None:
    result = run_code(
        "import sys; from wyoming_vietts.__main__ import main\n"
        f"sys.modules['{package}'] = None; sys.exit(main(['--http']))"
    )
    assert result.returncode == 1
    assert f"--http needs the package {package}: run script/setup\n" in result.stderr
    assert "Traceback" not in result.stderr


async def test_http_listens_on_loopback_unless_it_is_told_otherwise() -> None:
    async with ready_server("--http", "--engine", "espeak") as (_uri, process):
        with socket.create_connection(("127.0.0.1", 10280), 5) as client:
            client.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.0 200 OK")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", 10280), 5)
        process.terminate()
        log = process.communicate(timeout=10)[1].decode()
    assert "Ready on http://127.0.0.1:10280" in log


async def test_port_of_http_in_use_ends_with_one_line() -> None:
    address = f"127.0.0.1:{free_port()}"
    async with ready_server("--http", address) as (_uri, _):
        other = f"tcp://127.0.0.1:{free_port()}"
        result = await asyncio.to_thread(run_command, "--uri", other, "--http", address)
    assert result.returncode == 1
    assert f"Cannot listen on {address}" in result.stderr
    assert "Traceback" not in result.stderr
