"""`wyoming-vietts doctor`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.engines.piper.tiny_voice import write_voice
from tests.engines.vieneu.tiny_model import NAMES, write_model
from tests.harness import free_port, ready_server, run_command
from wyoming_vietts import __version__
from wyoming_vietts.commands.doctor import _judge, _measure_all
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.vieneu.engine import VieNeuEngine


def doctor(tmp_path: Path, *arguments: str, status: int = 0, **environment: str) -> dict[str, Any]:
    """What it reports of a machine whose voices are in a folder."""
    folders = ("--piper-dir", str(tmp_path), "--model-dir", str(tmp_path / "none"))
    result = run_command("doctor", "--json", *folders, *arguments, **environment)
    assert result.returncode == status, result.stderr
    assert len(result.stderr.splitlines()) == status
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_machine_is_judged_by_its_real_time_factor() -> None:
    said = [_judge(factor) for factor in (0.7, 0.9, 1.1)]
    assert [" just " in each for each in said] == [False, True, False]
    assert ["too slow" in each for each in said] == [False, False, True]


def test_fresh_machine_is_told_how_to_get_a_natural_voice(tmp_path: Path) -> None:
    report = doctor(tmp_path, "--uri", f"tcp://127.0.0.1:{free_port()}")
    assert report["program"]["version"] == __version__
    assert report["program"]["onnxruntime"][0].isdigit()
    assert int(report["machine"]["cores granted"]) >= 1
    assert len(report["voices"]) == 3
    assert all("s of audio in" in said for said in report["voices"].values())
    assert all("is fast enough for it" in said for said in report["voices"].values())
    assert report["network"]["port"] == "free"
    assert "loopback" in report["network"]["zeroconf would announce"]
    assert len(report["next"]) == 1
    assert "download vi_VN-vais1000-medium" in report["next"][0]


def test_voices_are_timed_and_bad_ones_have_a_reason(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx")
    write_voice(tmp_path / "cut.onnx").write_bytes(b"no network")
    (tmp_path / "bad.onnx").write_bytes(b"")
    report = doctor(tmp_path, "--uri", f"tcp://0.0.0.0:{free_port()}", status=1)
    assert "s of audio in" in report["voices"]["an"]
    assert [*report["voices"]] == ["an"]
    left_out = "\n".join(report["left out, or worth knowing"].values())
    assert "bad.onnx" in left_out
    assert "cut.onnx" in left_out
    assert any("left out" in step for step in report["next"])
    assert ":" in report["network"]["zeroconf would announce"]


def test_presets_that_share_their_networks_are_measured_once(tmp_path: Path) -> None:
    voices = VieNeuEngine(
        EngineSettings(vieneu_dir=write_model(tmp_path), quality="fast", seed=1)
    ).voices
    said = _measure_all(voices.values())
    first, other = NAMES
    assert "s of audio in" in said[first]
    assert said[other] == f"Ái Hân (nữ, miền Nam): has the networks of {first}"


async def test_server_that_runs_already_is_recognized(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx")
    async with ready_server("--engine", "espeak") as (uri, _):
        report = doctor(tmp_path, "--uri", uri)
    assert report["network"]["port"] == "Wyoming VietTTS answers there; voices: 3"
    assert report["next"] == [f"Nothing is missing: a server answers at {uri}"]


def test_port_that_is_taken_is_named_with_who_has_it(tmp_path: Path) -> None:
    other = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); "
    other += "print(s.getsockname()[1], flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", other], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            report = doctor(
                tmp_path, "--uri", f"tcp://127.0.0.1:{port}", "--http", f"127.0.0.1:{port}"
            )
        finally:
            process.kill()
    assert f"taken by process {process.pid} (" in report["network"]["port"]
    assert any(f"is taken by process {process.pid}" in step for step in report["next"])
    assert f"taken by process {process.pid} (" in report["network"]["port of the page"]
    assert any("another port for the page" in step for step in report["next"])


def test_player_formats_and_hub_are_looked_for(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    (tmp_path / "aplay").write_text("#!/bin/sh\n")
    (tmp_path / "aplay").chmod(0o755)
    for path, player in (
        (str(tmp_path), "aplay"),
        ("/nowhere", "There is no audio player here: install one (Debian: "),
    ):
        report = doctor(tmp_path, "--uri", uri, PATH=path, HF_ENDPOINT="http://127.0.0.1:9")
        assert report["machine"]["audio player"].startswith(player)
    assert "mp3" in report["machine"]["audio formats of --http"]
    assert "cannot reach 127.0.0.1:9" in report["network"]["downloads"]


def test_ascii_output_ends_nothing(tmp_path: Path) -> None:
    uri = ("--uri", f"tcp://127.0.0.1:{free_port()}")
    result = run_command("doctor", "--piper-dir", str(tmp_path), *uri, PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr


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
