"""How the user calls this program: for messages that name a command that works where they are."""

import os
import shutil
import sys
from pathlib import Path

_SCRIPTS = Path(__file__).parents[1] / "script"


def command(arguments: str) -> str:
    """A command of this program, such as `script/run download` of a checkout."""
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
    """The shorter one of the path and the way to it from the current folder."""
    try:
        return min(os.path.relpath(path), str(path), key=len)
    except OSError:  # the current folder is gone
        return str(path)
