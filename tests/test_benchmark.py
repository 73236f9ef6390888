"""script/bench: each mode ends in a table, on tiny voices and with one repetition."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.piper.tiny_voice import write_voice
from tests.engines.vieneu.tiny_model import write_model
from tests.engines.vietts.speech import voices_dir
from tests.harness import clean_environment

__all__ = ["voices_dir"]

BENCHMARK = Path(__file__).parents[1] / "script" / "benchmark"


def bench(*arguments: object) -> list[str]:
    """Measure; returns the first cell of each row of the tables."""
    result = subprocess.run(
        [sys.executable, BENCHMARK, *map(str, arguments)],
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    rows = [line.split("|")[1].strip() for line in result.stdout.splitlines() if "|" in line]
    return [row for row in rows if row != "---"]


@pytest.fixture
def piper_dir(tmp_path: Path) -> Path:
    write_voice(tmp_path / "tiny.onnx")
    return tmp_path


def test_the_embedded_voice_is_measured() -> None:
    rows = bench("--requests", 2)
    assert "first audio, 8 words" in rows
    assert "resident memory afterwards" in rows


def test_a_piper_voice_is_measured(piper_dir: Path) -> None:
    rows = bench("--engine", "piper", "--repeat", 1, "--piper-dir", piper_dir, "--beside", 1)
    assert "1 thread: the same in a single run" in rows
    assert "40 words, first audio, s" in rows


def test_vieneu_is_measured(tmp_path: Path) -> None:
    rows = bench("--engine", "vieneu", "--repeat", 1, "--vieneu-dir", write_model(tmp_path))
    assert "1 thread, 16 steps: longest step, 40 words" in rows
    assert "40 words, first audio, s" in rows


def test_turns_are_measured(piper_dir: Path) -> None:
    assert bench("--turns", "--repeat", 1, "--piper-dir", piper_dir)[1:] == ["espeak", "piper"]


def test_a_fleet_is_measured() -> None:
    rows = bench("--fleet", "--seconds", 0.2)
    assert {"1, on one core", "3 behind HAProxy", "eight clients", "100"} <= {*rows}


# voices_dir is a fixture
def test_the_neural_voice_is_measured(model_dirs: dict[int, Path], voices_dir: Path) -> None:
    rows = bench("--engine", "vietts", "--model-dir", model_dirs[25], "--voices-dir", voices_dir,
                 "--repeat", 1, "--limits", "--fidelity")  # fmt: skip
    assert len(rows) > 10
    assert any(row.startswith("flow, balanced, weights with outliers: mel error") for row in rows)
