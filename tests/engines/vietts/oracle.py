"""Asks the reference, in a process and an environment of its own."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.engines.vietts.cases import Arrays


class Oracle:
    """The reference's command line: ``oracle.py lm|flow|hift|prompt|candidates DIR IN OUT``."""

    def __init__(self, folder: Path, python: str) -> None:
        self._command = [python, "-W", "ignore", str(folder / "oracle.py")]

    def __call__(self, what: str, model_dir: Path, inputs: Arrays) -> Arrays:
        """The reference's outputs for the inputs."""
        with tempfile.TemporaryDirectory() as folder:
            given, answer = Path(folder, "in.npz"), Path(folder, "out.npz")
            np.savez(given, **inputs)
            self._run(what, str(model_dir), str(given), str(answer))
            with np.load(answer) as file:
                return dict(file)

    def text(self, lines: Sequence[str]) -> list[list[dict]]:
        """For each line its sentences, {"text": ..., "ids": [...]}."""
        with tempfile.TemporaryDirectory() as folder:
            given, answer = Path(folder, "in.txt"), Path(folder, "out.json")
            given.write_text("\n".join(lines))
            self._run("text", "-", str(given), str(answer))
            rows: list[list[dict]] = json.loads(answer.read_text())
            return rows

    def _run(self, *arguments: str) -> None:
        run = subprocess.run([*self._command, *arguments], capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"the oracle failed:\n{run.stderr}")
