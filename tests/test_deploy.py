"""Files that run the program on other people's machines."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from wyoming_vietts.settings.command_line import misspelt_variables, parse_options

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "deploy" / "wyoming-vietts.service"


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """With a program that is there, as nothing is in /opt here."""
    unit = tmp_path / UNIT.name
    text = UNIT.read_text()
    assert "/opt/wyoming-vietts/.venv/bin/wyoming-vietts serve" in text
    unit.write_text(text.replace("/opt/wyoming-vietts/.venv/bin/wyoming-vietts", sys.executable))
    result = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_unit_gives_the_program_little_to_break() -> None:
    """At most 2.0 of 10, by systemd's own measure."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", UNIT]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-200:] + result.stderr


@pytest.mark.parametrize(
    "path", ["Dockerfile", "compose.yaml", "deploy/wyoming-vietts.service", "addon/Dockerfile"]
)
def test_variables_are_those_of_the_program_and_valid(path: str) -> None:
    text = (ROOT / path).read_text()
    variables = dict(re.findall(r"(WYOMING_VIETTS_[A-Z_]+)(?:=|: )(\S+)", text))
    assert variables
    assert list(misspelt_variables(variables)) == []
    parse_options(["serve"], variables)
