"""Speaking a text through a running server."""

import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from wyoming.tts import Synthesize

from tests.harness import (
    connected,
    free_port,
    pcm_of,
    read_until,
    run_command,
    server_process,
    wait_until_ready,
)


async def test_say_writes_what_the_server_says(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    output = tmp_path / "a.wav"
    with server_process("--uri", uri):
        await wait_until_ready(uri)
        said = run_command("say", "Xin chào", "-o", str(output), "--uri", uri)
        refused = run_command(
            *("say", "Xin chào", "-o", str(output), "--uri", uri, "--voice", "x"),
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
    lexicon.write_text("Aqara = a ca ra\n")
    result = run_command(*("say", "Đèn Aqara: 25%.", "--normalize", "--lexicon", str(lexicon)))
    assert "a ca ra" in result.stdout
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
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri):
        await wait_until_ready(uri)
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


@pytest.mark.parametrize("text", ["-5°C", "-3,5 độ"])
def test_text_that_starts_with_a_dash_is_no_flag(text: str) -> None:
    result = run_command("say", text, "--normalize")
    assert result.stdout.startswith("âm "), result.stderr
