"""Spells commands in messages the way they work for this user."""

import os
import shutil
import sys
from pathlib import Path

_SCRIPTS = Path(__file__).parents[1] / "script"


def command(arguments: str) -> str:
    """Spell a command of this program, such as `script/run download` in a checkout."""
    if (_SCRIPTS / "run").is_file():
        return f"{_from_here(_SCRIPTS / 'run')} {arguments}"
    if shutil.which("wyoming-vietts"):
        return f"wyoming-vietts {arguments}"
    return f"{sys.executable} -m wyoming_vietts {arguments}"


def how_to_install(extra: str) -> str:
    """Name the command that installs an extra of this program, such as `vietts`."""
    if (_SCRIPTS / "setup").is_file():
        part = "" if extra in ("piper", "http") else f" {extra}"  # it always installs these two
        return f"run {_from_here(_SCRIPTS / 'setup')}{part}"
    return f"install wyoming-vietts again, with its extra '{extra}'"


def _from_here(path: Path) -> str:
    """Return the shorter of the absolute path and the relative one."""
    try:
        return min(os.path.relpath(path), str(path), key=len)
    except OSError:  # the current folder is gone
        return str(path)
