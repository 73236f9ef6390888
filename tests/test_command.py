"""The installed commands as processes: flags, variables, stdio, unix, signals, health, say."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any

import pytest
from wyoming.tts import Synthesize

from wyoming_vietts import __version__
from wyoming_vietts.options import parse_options

from .harness import connected, describe, free_port, pcm_of, read_until, server_process, types

TWENTY_SENTENCES = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 20


async def wait_until_ready(uri: str) -> None:
    for _ in range(200):
        try:
            await describe(uri)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError(f"{uri} never answered")


def run(
    *arguments: str, module: str = "wyoming_vietts", **environment: str
) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WYOMING_VIETTS_")}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_version_is_the_packages() -> None:
    assert run("--version").stdout.strip() == __version__


def test_console_script_is_the_module() -> None:
    script = Path(sys.executable).with_name("wyoming-vietts")
    result = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert result.stdout.strip() == __version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "piper"], "'auto', 'vietts', 'espeak'"),
        (["--uri", "http://a"], "must be tcp://HOST:PORT, unix://PATH or stdio://"),
        (["--uri", "tcp://0.0.0.0"], "must be tcp://HOST:PORT"),
        (["--uri", "tcp://0.0.0.0:99999"], "must be tcp://HOST:PORT"),
        (["--speed", "3"], "must be a number from 0.5 to 2"),
        (["--speed", "nan"], "must be a number from 0.5 to 2"),
        (["--samples-per-chunk", "0"], "must be a whole number from 64"),
        (["--sentence-silence", "-1"], "must be a number from 0 to 10"),
        (["--device", "tpu"], "must be auto, cuda, cuda:N, mps or cpu"),
        (["--device", "cuda:x"], "must be auto, cuda, cuda:N, mps or cpu"),
        (["--log-format", "%(nonsense"], "is no logging format"),
        (["--log-format", "%(nonsense)s"], "is no logging format"),
        (["--max-text", "0"], "must be a whole number from 1"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--stream"], "unrecognized arguments"),
    ],
)
def test_bad_flag_is_an_error_that_names_the_valid_values(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse_options(arguments, {})
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "option", "expected"),
    [
        ("URI", "tcp://127.0.0.1:1", "uri", "tcp://127.0.0.1:1"),
        ("ENGINE", "espeak", "engine", "espeak"),
        ("MODEL_DIR", "/data/m", "model_dir", Path("/data/m")),
        ("VOICES_DIR", "/data/v", "voices_dir", Path("/data/v")),
        ("VOICE", "an", "voice", "an"),
        ("SPEED", "1.5", "speed", 1.5),
        ("SAMPLES_PER_CHUNK", "512", "samples_per_chunk", 512),
        ("SENTENCE_SILENCE", "0.5", "sentence_silence", 0.5),
        ("MAX_TEXT", "99", "max_text", 99),
        ("LEXICON", "/data/l", "lexicon", Path("/data/l")),
        ("NO_STREAMING", "true", "no_streaming", True),
        ("NO_STREAMING", "0", "no_streaming", False),
        ("DEBUG", "YES", "debug", True),
        ("DEBUG", "", "debug", False),
        ("DEVICE", "cuda:1", "device", "cuda:1"),
        ("LOG_FORMAT", "%(message)s", "log_format", "%(message)s"),
        ("ZEROCONF", "1", "zeroconf", ""),
        ("ZEROCONF", "bếp", "zeroconf", "bếp"),
        ("ZEROCONF", "false", "zeroconf", None),
    ],
)
def test_each_flag_has_a_variable(variable: str, value: str, option: str, expected: Any) -> None:
    options = parse_options([], {f"WYOMING_VIETTS_{variable}": value})
    assert getattr(options, option) == expected


def test_flag_wins_over_variable() -> None:
    assert parse_options(["--speed", "2"], {"WYOMING_VIETTS_SPEED": "0.5"}).speed == 2.0


def test_bad_variable_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    for variable, value in (("DEBUG", "perhaps"), ("ENGINE", "piper")):
        with pytest.raises(SystemExit):
            parse_options([], {f"WYOMING_VIETTS_{variable}": value})
        assert value in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "espeak", "--voice", "x"], "Unknown voice 'x'; available: espeak-north-male"),
        (["--uri", "tcp://127.0.0.1:1", "--zeroconf"], "listens on loopback (127.0.0.1)"),
        (["--uri", "tcp://localhost:1", "--zeroconf"], "listens on loopback (localhost)"),
        (["--uri", "stdio://", "--zeroconf"], "needs a tcp:// address"),
        (["--lexicon", "/does/not/exist"], "/does/not/exist"),
        (["--uri", "unix:///does/not/exist/socket"], "/does/not/exist/socket"),
    ],
)
def test_what_cannot_be_served_ends_with_one_line(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_port_in_use_ends_with_one_line() -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri):
        asyncio.run(wait_until_ready(uri))
        result = run("--uri", uri)
    assert result.returncode == 1
    assert "address already in use" in result.stderr
    assert "Traceback" not in result.stderr


async def test_describe_is_answered_soon_after_start() -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri, "--engine", "espeak"):
        started = time.perf_counter()
        await wait_until_ready(uri)
        assert time.perf_counter() - started < 5


async def test_auto_without_a_model_speaks_and_says_how_to_get_the_neural_voice(
    tmp_path: Path,
) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri, "--model-dir", str(tmp_path)) as process:
        await wait_until_ready(uri)
        async with connected(uri) as client:
            await client.write_event(Synthesize("Xin chào.").event())
            assert types(await read_until(client, "audio-stop"))[-1] == "audio-stop"
        process.terminate()
        log = process.communicate()[1].decode()
    lines = [line for line in log.splitlines() if "neural" in line]
    assert len(lines) == 1
    assert str(tmp_path) in lines[0]
    assert " INFO " in lines[0]


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
async def test_signal_lets_the_utterance_finish_and_exits_0(stop_signal: signal.Signals) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri, "--engine", "espeak") as process:
        await wait_until_ready(uri)
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
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri, "--engine", "espeak") as process:
        await wait_until_ready(uri)
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
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri, "--engine", "espeak") as process:
        await wait_until_ready(uri)
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
    assert run("--uri", f"unix://{path}").returncode == 1
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
        second = await asyncio.to_thread(run, "--uri", uri)
        assert second.returncode == 1
        assert "another server listens there" in second.stderr
        assert (await describe(uri)).tts


async def test_healthcheck_asks_the_server(tmp_path: Path) -> None:
    port = free_port()
    check = "wyoming_vietts.healthcheck"
    assert run("--uri", f"tcp://127.0.0.1:{port}", module=check).returncode == 1
    with server_process("--uri", f"tcp://0.0.0.0:{port}"):
        await wait_until_ready(f"tcp://127.0.0.1:{port}")
        by_flag = run("--uri", f"tcp://127.0.0.1:{port}", module=check)
        by_variable = run(module=check, WYOMING_VIETTS_URI=f"tcp://0.0.0.0:{port}")
    assert by_flag.returncode == by_variable.returncode == 0
    assert "3 voices" in by_flag.stdout


async def test_healthcheck_fails_on_a_server_that_is_none() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    other = await asyncio.start_server(ignore, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wyoming_vietts.healthcheck"),
        *("--uri", f"tcp://127.0.0.1:{port}"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    other.close()
    assert process.returncode == 1
    assert b"does not answer" in stderr


async def test_say_writes_what_the_server_says(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    output = tmp_path / "a.wav"
    with server_process("--uri", uri):
        await wait_until_ready(uri)
        said = run("Xin chào", "-o", str(output), "--uri", uri, module="wyoming_vietts.say")
        refused = run(
            *("Xin chào", "-o", str(output), "--uri", uri, "--voice", "x"),
            module="wyoming_vietts.say",
        )
        async with connected(uri) as client:
            await client.write_event(Synthesize("Xin chào").event())
            expected = pcm_of(await read_until(client, "audio-stop"))
    assert said.returncode == 0, said.stderr
    with wave.open(str(output)) as wav:
        assert (wav.getframerate(), wav.getsampwidth(), wav.getnchannels()) == (22_050, 2, 1)
        assert wav.readframes(wav.getnframes()) == expected
    assert refused.returncode == 1
    assert "Unknown voice 'x'" in refused.stderr


def test_say_normalize_prints_what_would_be_spoken(tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon"
    lexicon.write_text("Aqara = a ca ra\n")
    result = run(
        *("Đèn Aqara: 25%.", "--normalize", "--lexicon", str(lexicon)), module="wyoming_vietts.say"
    )
    assert "a ca ra" in result.stdout
    assert "hai mươi lăm phần trăm" in result.stdout
