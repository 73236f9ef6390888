"""The installed command."""

import subprocess
import sys
from pathlib import Path

from tests.harness import run_command
from wyoming_vietts import __version__


def test_version_is_the_packages() -> None:
    assert run_command("--version").stdout.strip() == __version__


def test_console_script_is_the_module() -> None:
    script = Path(sys.executable).with_name("wyoming-vietts")
    result = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert result.stdout.strip() == __version__
