"""Asks the reference, in a process and an environment of its own."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from tests.engines.vietts.cases import Arrays

# One process answers all questions, as importing the reference takes seconds.
_ANSWERED = "answered"
_LOOP = f"""
import sys
sys.path.insert(0, sys.argv[1])
import oracle
for line in sys.stdin:
    sys.argv[1:] = line.rstrip("\\n").split("\\t")
    oracle.main()
    print("{_ANSWERED}", flush=True)
"""


class Oracle:
    """The reference's command line: ``oracle.py lm|flow|hift|prompt|candidates DIR IN OUT``."""

    def __init__(self, folder: Path, python: str) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, "-W", "ignore", "-c", _LOOP, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

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
        process = self._process
        assert process.stdin
        assert process.stdout
        with suppress(BrokenPipeError):  # an end is reported below
            print(*arguments, sep="\t", file=process.stdin, flush=True)
        if not any(line.rstrip() == _ANSWERED for line in process.stdout):
            self._errors.seek(0)
            raise RuntimeError(f"the oracle failed:\n{self._errors.read()}")
