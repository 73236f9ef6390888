"""Speaking a text through a running server."""

import asyncio
import os
import subprocess
import sys
import wave
from contextlib import suppress
from pathlib import Path

import pytest
from wyoming.tts import Synthesize

from tests.commands.test_healthcheck import answering
from tests.harness import (
    connected,
    free_port,
    pcm_of,
    read_until,
    ready_server,
    run_command,
    server_process,
    wait_until_ready,
)
from wyoming_vietts.commands import client


async def test_say_writes_what_the_server_says(tmp_path: Path) -> None:
    output = tmp_path / "a.wav"
    async with ready_server() as (uri, _):
        said = run_command("say", "Xin chào", "-o", str(output), "--uri", uri)
        refused = run_command(
            *("say", "Xin chào", "-o", str(output), "--uri", uri, "--voice", "x"),
        )
        silent = run_command(*("say", "😀", "-o", str(tmp_path / "b.wav"), "--uri", uri), LANG="vi")
        async with connected(uri) as connection:
            await connection.write_event(Synthesize("Xin chào").event())
            expected = pcm_of(await read_until(connection, "audio-stop"))
    assert said.returncode == 0, said.stderr
    with wave.open(str(output)) as wav:
        assert (wav.getframerate(), wav.getsampwidth(), wav.getnchannels()) == (22_050, 2, 1)
        assert wav.readframes(wav.getnframes()) == expected
    assert refused.returncode == 1
    assert "Unknown voice 'x'" in refused.stderr
    assert "Văn bản không có gì để đọc" in silent.stderr
    assert "gì để đọc" not in said.stderr


def test_say_reads_standard_input_and_refuses_what_is_not_utf_8() -> None:
    command = (sys.executable, "-m", "wyoming_vietts", "say", "-", "--normalize")
    good, bad = [
        subprocess.run(command, input="Xin chào 25%.".encode(encoding), capture_output=True)
        for encoding in ("utf-8-sig", "utf-16")
    ]
    assert good.stdout.decode() == "Xin chào hai mươi lăm phần trăm.\n"
    assert bad.returncode == 1
    assert "Standard input is not UTF-8 (byte 0)" in bad.stderr.decode()
    assert b"Traceback" not in bad.stderr


def test_say_normalize_prints_what_would_be_spoken(tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon"
    lexicon.write_text("Aqara = ắc qui xanh\n")
    result = run_command(*("say", "Đèn Aqara: 25%.", "--normalize", "--lexicon", str(lexicon)))
    (tmp_path / "models").mkdir()
    lexicon.rename(tmp_path / "models" / "lexicon.txt")
    taught = run_command("say", "Đèn Aqara", "--normalize", cwd=tmp_path)
    assert "ắc qui xanh" in taught.stdout, "what the server reads from there by default, too"
    silent = run_command("say", "…", "--normalize")
    assert (silent.stdout, silent.stderr) == ("", "There is nothing to say in this text\n")
    assert "ắc qui xanh" in result.stdout
    assert "hai mươi lăm phần trăm" in result.stdout


def player(folder: Path, status: int) -> str:
    """A PATH with an audio player that notes what it is given, and ends with a status."""
    path = folder / "bin" / "paplay"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\ncp "$1" "{folder}/played.wav"\nexit {status}\n')
    path.chmod(0o755)
    return f"{path.parent}:{os.environ['PATH']}"


async def test_say_plays_a_file_of_its_own_and_fails_when_the_player_does(tmp_path: Path) -> None:
    own = tmp_path / "speech.wav"
    own.write_text("the user's")
    path = player(tmp_path, status=0)
    async with ready_server() as (uri, _):
        said = run_command("say", "Xin chào", cwd=tmp_path, PATH=path, WYOMING_VIETTS_URI=uri)
        (tmp_path / "bin" / "paplay").write_text("#!/bin/sh\nexit 3\n")
        failed = run_command("say", "Xin chào", cwd=tmp_path, PATH=path, WYOMING_VIETTS_URI=uri)
        cold = run_command("say", "-5°C", cwd=tmp_path, PATH=path, WYOMING_VIETTS_URI=uri)
    assert said.returncode == 0, said.stderr
    with wave.open(str(tmp_path / "played.wav")) as wav:
        assert wav.getnframes() > 10_000
    assert own.read_text() == "the user's"
    assert (failed.returncode, cold.returncode) == (1, 1)
    assert "paplay failed with status 3; write a file with -o FILE" in failed.stderr
    assert "paplay failed" in cold.stderr, "-5°C was taken for a flag"


def test_what_cannot_be_said_is_one_line_that_leads_somewhere(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    output = str(tmp_path / "a.wav")
    for arguments, message in (
        (["Xin chào", "-o", output, "--uri", uri], "No server answers"),
        (["Xin chào", "-o", f"{tmp_path}/nowhere/a.wav"], f"there is no folder {tmp_path}/nowhere"),
        (["Xin chào", "--lexicon", "x"], "--lexicon goes with --normalize"),
    ):
        result = run_command("say", *arguments)
        assert result.returncode != 0
        assert message in result.stderr
        assert "Traceback" not in result.stderr
        assert "Errno" not in result.stderr
    start = run_command("say", "Xin chào", "-o", output, "--uri", uri).stderr
    assert "script/run serve" in start


def test_message_is_in_the_language_of_the_user(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    arguments = ("say", "Xin chào", "-o", str(tmp_path / "a.wav"), "--uri", uri)
    said = run_command(*arguments, LANG="vi_VN.UTF-8").stderr
    assert said.startswith(f"wyoming-vietts say: Không có máy chủ nào trả lời ở {uri}: hãy chạy ")
    assert "No server" in run_command(*arguments, LANG="vi_VN.UTF-8", LC_ALL="C.UTF-8").stderr


async def test_error_of_a_server_cannot_command_the_terminal() -> None:
    error = b'{"type":"error","data":{"text":"\\u001b[2J\\nCRITICAL all is lost"}}\n'
    async with answering(error) as uri:
        result = await asyncio.to_thread(
            run_command, "say", "Xin chào", "-o", "/tmp/none.wav", "--uri", uri
        )
    assert result.stderr == "wyoming-vietts say: \\x1b[2J\\nCRITICAL all is lost\n"


@pytest.mark.parametrize(
    "audio",
    [
        b'{"type":"audio-stop"}\n',
        b'{"type":"audio-chunk","data":{"rate":0,"width":2,"channels":1}}\n{"type":"audio-stop"}\n',
        b'{"type":"audio-chunk","data":{"rate":[],"width":2,"channels":1}}\n{"type":"audio-stop"}\n',
        b'{"type":"audio-chunk"}\n{"type":"audio-stop"}\n',
    ],
)
async def test_audio_that_is_none_is_one_line_and_no_file(tmp_path: Path, audio: bytes) -> None:
    output = tmp_path / "a.wav"
    async with answering(audio) as uri:
        result = await asyncio.to_thread(
            run_command, "say", "Xin chào", "-o", str(output), "--uri", uri
        )
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "the server sent" in result.stderr
    assert not output.exists()


def test_without_a_player_it_names_the_package_and_the_way_without(tmp_path: Path) -> None:
    result = run_command("say", "Xin chào", PATH=str(tmp_path))
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "alsa-utils" in line
    assert "-o FILE" in line


def test_speed_is_that_of_the_request(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    frames = []
    with server_process("--uri", uri, "--engine", "espeak"):
        asyncio.run(wait_until_ready(uri))
        for speed in ((), ("--speed", "2"), ("--speed", "0.5")):
            text = "Nhiệt độ < 5 & > 3, \x0b xong."
            result = run_command("say", text, "-o", f"{tmp_path}/a.wav", "--uri", uri, *speed)
            assert result.returncode == 0, result.stderr
            with wave.open(f"{tmp_path}/a.wav") as wav:
                frames.append(wav.getnframes())
    assert frames[1] < 0.7 * frames[0]
    assert frames[2] > 1.4 * frames[0]
    assert "from 0.5 to 2" in run_command("say", "x", "--speed", "3").stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_that_cannot_show_vietnamese_ends_nothing(encoding: str) -> None:
    result = run_command("say", "25%", "--normalize", PYTHONIOENCODING=encoding)
    assert result.returncode == 0, result.stderr
    assert "hai m" in result.stdout


@pytest.mark.parametrize("output", ["| true", ">/dev/full"])
def test_output_that_nobody_reads_is_one_line(output: str) -> None:
    command = f"{sys.executable} -m wyoming_vietts say 25% --normalize {output}"
    result = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("wyoming-vietts say: ")


def test_closed_input_is_one_line() -> None:
    command = f"{sys.executable} -m wyoming_vietts say - --normalize <&-"
    result = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert result.returncode == 1
    assert "Standard input is closed" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", ["-5°C", "-3,5 độ"])
def test_text_that_starts_with_a_dash_is_no_flag(text: str) -> None:
    result = run_command("say", text, "--normalize")
    assert result.stdout.startswith("âm "), result.stderr


async def test_answer_without_end_is_one_line_and_little_memory() -> None:
    size = 16 * 2**20
    noise = b'{"type":"x","payload_length":%d}\n' % size + bytes(size)

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while True:
                writer.write(noise)
                await writer.drain()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    uri = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    script = (
        "import sys; from wyoming_vietts.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    for command in (("healthcheck",), ("say", "Xin chào", "-o", "/tmp/none.wav")):
        result = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", script, *command, "--uri", uri],
            capture_output=True,
            text=True,
            timeout=60,
        )
        (line,) = result.stderr.splitlines()
        assert "it sent more data than an hour of speech" in line
        assert int(result.stdout) < 250_000, "kB"
    server.close()


async def test_small_events_without_end_are_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_MAX_JSON_BYTES", 10_000)
    async with answering(b'{"type":"audio-chunk"}\n' * 1000, closes=False) as uri:
        with pytest.raises(ValueError, match="more data than an hour of speech"):
            await client.ask(uri, Synthesize("a").event(), ("audio-stop",), ("audio-chunk",))


async def test_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.2)
    async with answering(b'{"type":"audio-start"}\n', closes=False) as uri, asyncio.timeout(10):
        with pytest.raises(ValueError, match=r"it has sent nothing for 0\.2 seconds"):
            await client.ask(uri, Synthesize("a").event(), ("audio-stop",))
