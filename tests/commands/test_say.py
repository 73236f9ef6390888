"""Speaking a text through a running server."""

import wave
from pathlib import Path

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


def test_say_normalize_prints_what_would_be_spoken(tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon"
    lexicon.write_text("Aqara = a ca ra\n")
    result = run_command(*("say", "Đèn Aqara: 25%.", "--normalize", "--lexicon", str(lexicon)))
    assert "a ca ra" in result.stdout
    assert "hai mươi lăm phần trăm" in result.stdout
