"""`wyoming-vietts doctor`."""

import json
from pathlib import Path
from typing import Any

from tests.engines.piper.tiny_voice import write_voice
from tests.harness import free_port, run_command, server_process, wait_until_ready
from wyoming_vietts import __version__


def doctor(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """What it reports of a machine whose voices are in a folder."""
    folders = ("--piper-dir", str(tmp_path), "--model-dir", str(tmp_path / "none"))
    result = run_command("doctor", "--json", *folders, *arguments)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_fresh_machine_is_told_how_to_get_a_natural_voice(tmp_path: Path) -> None:
    report = doctor(tmp_path, "--uri", f"tcp://127.0.0.1:{free_port()}")
    assert report["program"]["version"] == __version__
    assert report["program"]["onnxruntime"][0].isdigit()
    assert int(report["machine"]["cores granted"]) >= 1
    assert len(report["voices"]) == 3
    assert all("s of audio in" in said for said in report["voices"].values())
    assert report["network"]["port"] == "free"
    assert "loopback" in report["network"]["zeroconf would announce"]
    assert len(report["next"]) == 1
    assert "download vi_VN-vais1000-medium" in report["next"][0]


def test_voices_are_timed_and_bad_ones_have_a_reason(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx")
    write_voice(tmp_path / "cut.onnx").write_bytes(b"no network")
    (tmp_path / "bad.onnx").write_bytes(b"")
    report = doctor(tmp_path, "--uri", f"tcp://0.0.0.0:{free_port()}")
    assert "s of audio in" in report["voices"]["an"]
    assert "cannot speak" in report["voices"]["cut"]
    assert "bad.onnx.json is missing" in report["left out, or worth knowing"]["1"]
    assert any("left out" in step for step in report["next"])
    assert ":" in report["network"]["zeroconf would announce"]


async def test_port_that_is_taken_is_named_with_who_has_it(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri, "--engine", "espeak") as process:
        await wait_until_ready(uri)
        report = doctor(tmp_path, "--uri", uri)
    assert f"taken by process {process.pid} (" in report["network"]["port"]
    assert any(f"is taken by process {process.pid}" in step for step in report["next"])


def test_engine_that_cannot_be_made_is_the_next_step(tmp_path: Path) -> None:
    uri = ("--uri", f"tcp://127.0.0.1:{free_port()}")
    report = doctor(tmp_path, "--engine", "vietts", *uri)
    assert report["voices"] == {}
    assert "config.yaml is missing" in report["next"][0]


def test_report_for_people_ends_with_what_to_do(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx")
    uri = ("--uri", f"tcp://127.0.0.1:{free_port()}")
    lines = run_command("doctor", "--piper-dir", str(tmp_path), *uri).stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        *("program", "machine", "voices", "network", "next")
    ]
    assert lines[-1].startswith("  * Nothing is missing: start it with ")
    assert lines[-1].endswith("serve")
