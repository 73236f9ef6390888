"""Memory over many requests, and the public benchmark client."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from wyoming.tts import Synthesize, SynthesizeVoice

from tests.harness import connected, free_port, read_until, server_process, types, wait_until_ready


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+)", status)
    assert match
    return int(match[1])


async def speak(uri: str, count: int) -> None:
    for i in range(count):
        async with connected(uri) as client:
            voice = ("espeak-north-male", "espeak-north-female", "espeak-south-male")[i % 3]
            request = Synthesize(f"Phòng số {i}: {i},5 độ.", SynthesizeVoice(voice))
            await client.write_event(request.event())
            assert types(await read_until(client, "audio-stop"))[-1] == "audio-stop"


async def test_memory_stays_flat_over_two_thousand_syntheses() -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri, "--engine", "espeak") as process:
        await wait_until_ready(uri)
        draining = asyncio.create_task(asyncio.to_thread(process.stderr.read))  # type: ignore[union-attr]
        await speak(uri, 200)
        before = resident_kib(process.pid)
        await speak(uri, 2000)
        assert resident_kib(process.pid) - before < 2048
        process.terminate()
        await draining


async def test_benchmark_client_runs_in_both_modes_without_an_error() -> None:
    port = free_port()
    command = Path(sys.executable).with_name("wyoming-bench")
    with server_process("--uri", f"tcp://127.0.0.1:{port}", "--engine", "espeak"):
        await wait_until_ready(f"tcp://127.0.0.1:{port}")
        result = await asyncio.to_thread(
            subprocess.run,
            [
                command,
                "tts",
                f"127.0.0.1:{port}",
                "--texts",
                "Trời 25,5°C. Độ ẩm 60%.",
                "Xin chào.",
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert result.returncode == 0, result.stderr
    for mode in ("non_streaming", "streaming"):
        assert f"[{mode}] ok=6 fail=0" in result.stdout
