"""script/setup, where it cannot set up."""

import os
import shutil
import subprocess
from pathlib import Path

SETUP = Path(__file__).parents[1] / "script" / "setup"


def test_debian_without_python3_venv_is_told_what_to_install(tmp_path: Path) -> None:
    """There, Python has no ensurepip; and pip is not fetched from anywhere else."""
    script = tmp_path / "script" / "setup"
    script.parent.mkdir()
    shutil.copy(SETUP, script)
    (tmp_path / "ensurepip.py").write_text("raise ModuleNotFoundError")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    result = subprocess.run([script], env=environment, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stdout + result.stderr == (
        "This Python cannot make a virtual environment yet: sudo apt install python3-venv\n"
    )
    assert not (tmp_path / ".venv").exists()
