"""Spells commands in messages the way they work for this user."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import __version__

_SCRIPTS = Path(__file__).parents[1] / "script"
_MARKS_OF_CONTAINERS = ("/.dockerenv", "/run/.containerenv")  # Docker's and Podman's
_NEURAL_IMAGE = f"ghcr.io/wyoming-vietts/wyoming-vietts:{__version__}-neural"


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
        return f"run {_from_here(_SCRIPTS / 'setup')}{_part(extra)}"
    if _is_app():
        return f"set the app's option 'engine' to {extra}, and restart the app"
    return f"install wyoming-vietts again, with its extra '{extra}'"


@dataclass(frozen=True)
class Step:
    """A step that the page asks of its user, in whatever language it is read."""

    kind: Literal["command", "image", "engine", "download", "restart"]
    text: str = ""
    """The command to run, the image to use, the engine to choose, or the download to start."""


def step_to_install(extra: str) -> Step:
    """Return the step that installs an extra, the way that this program was installed."""
    if (_SCRIPTS / "setup").is_file():
        return Step("command", f"{shlex.quote(str(_SCRIPTS / 'setup'))}{_part(extra)}")
    if _is_app():
        return Step("engine", extra)
    if any(os.path.exists(mark) for mark in _MARKS_OF_CONTAINERS):
        return Step("image", _NEURAL_IMAGE)
    return Step("command", f"{sys.executable} -m pip install 'wyoming-vietts[{extra}]'")


def _is_app() -> bool:
    """Tell whether Home Assistant's Supervisor has started this program."""
    return "SUPERVISOR_TOKEN" in os.environ


def _part(extra: str) -> str:
    """Return the argument of script/setup for an extra; it always installs some."""
    return "" if extra in ("piper", "vieneu", "http") else f" {extra}"


def _from_here(path: Path) -> str:
    """Return the shorter of the absolute path and the relative one."""
    try:
        return min(os.path.relpath(path), str(path), key=len)
    except OSError:  # the current folder is gone
        return str(path)
