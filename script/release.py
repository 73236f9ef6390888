"""Checks a release, builds its packages, and lets them speak: see script/release."""

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import wave
import zipfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.harness import clean_environment, free_port, wait_until_ready  # noqa: E402

VERSION = r"(\d+\.\d+\.\d+)"
SOURCE = ("wyoming_vietts/__init__.py", f'^__version__ = "{VERSION}"$')
COPIES = (
    ("addon/config.yaml", f"^version: {VERSION}$"),
    ("addon/Dockerfile", rf"^FROM \S+:{VERSION}$"),
    ("addon/Dockerfile", f'io.hass.version="{VERSION}"'),
    ("deploy/kubernetes/base/deployment.yaml", rf"^ +image: \S+:{VERSION}$"),
    ("deploy/kubernetes/gpu/kustomization.yaml", f"^ +newTag: {VERSION}-cuda$"),
)
CHANGELOGS = (
    ("CHANGELOG.md", rf"^## {VERSION} \("),  # below what is not released yet
    ("addon/CHANGELOG.md", f"^## {VERSION}$"),
)
DATED = r"\A# Changelog\n\n## \S+ \(\d{4}-\d\d-\d\d\)$"
LOUD = 1000  # of 32767


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/release", description=__doc__)
    parser.add_argument("tag", nargs="?", help="what the release is tagged with, such as v1.2.3")
    parser.add_argument("--set", metavar="VERSION", help="only write this version everywhere")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="go on whatever is wrong, with the packages of the lock",
    )
    options = parser.parse_args()
    if options.set:
        set_version(ROOT, options.set)
        print("\n".join(differences(ROOT)))
        return
    version = read_version(ROOT)
    wrong = [*differences(ROOT), *obstacles()]
    if not options.dry_run and not passes_with_newest():
        wrong.append("The newest packages that pyproject.toml allows do not pass, see above")
    if options.tag not in (None, f"v{version}"):
        wrong.append(f"The tag is {options.tag}, and that of the version would be v{version}")
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        if not options.dry_run:
            sys.exit(1)
    speak(build(ROOT / "dist"), with_lock=options.dry_run)
    print(f"{version} {'would be' if wrong else 'is'} ready, in dist")


# --- the version ---------------------------------------------------------------------------------


def read_version(root: Path) -> str:
    """The program's own."""
    return _find(root, *SOURCE)[1]


def differences(root: Path) -> Iterator[str]:
    """A sentence for each place that does not have the program's version."""
    version = read_version(root)
    for path, pattern in (*COPIES, *CHANGELOGS):
        if (found := _find(root, path, pattern)[1]) != version:
            yield f"{path} has {found}, and {SOURCE[0]} has {version}"


def set_version(root: Path, version: str) -> None:
    """Write a version everywhere but in the changelogs, which a person writes."""
    if not re.fullmatch(VERSION, version):
        sys.exit(f"{version} is no version: it has three numbers, such as 1.2.3")
    for path, pattern in (SOURCE, *COPIES):
        match = _find(root, path, pattern)
        text = match.string[: match.start(1)] + version + match.string[match.end(1) :]
        (root / path).write_text(text, "utf-8")


def _find(root: Path, path: str, pattern: str) -> re.Match[str]:
    text = (root / path).read_text("utf-8")
    return re.search(pattern, text, re.M) or sys.exit(f"{path} has no line like {pattern}")


# --- all the rest --------------------------------------------------------------------------------


def obstacles() -> Iterator[str]:
    """A sentence for each reason not to release this commit, whatever its version is."""
    if not re.search(DATED, (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M):
        yield "CHANGELOG.md has no date: its first heading must be ## VERSION (YEAR-MONTH-DAY)"
    if changes := _lines("git", "status", "--short"):
        yield f"Not everything is committed: {', '.join(line.split()[-1] for line in changes)}"
    if subprocess.run(["script/lock", "--check"], cwd=ROOT).returncode != 0:
        yield "script/lock --check fails, see above"


def passes_with_newest() -> bool:
    """Users of pip get the newest packages: do these pass all tests today?"""
    command = ["script/test_ranges", "newest", "vietts,piper,http"]
    return subprocess.run(command, cwd=ROOT).returncode == 0


def build(dist: Path) -> Path:
    """Build the source distribution and the wheel from Git's index, and return the wheel."""
    shutil.rmtree(dist, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        _run("git", "checkout-index", "--all", f"--prefix={folder}/")
        _run(
            sys.executable,
            "-m",
            "build",
            "--no-isolation",
            "--outdir",
            dist,
            folder,
            stdout=subprocess.DEVNULL,
        )
    packages = sorted(dist.iterdir())
    _run(sys.executable, "-m", "twine", "check", "--strict", *packages)
    wheel = next(path for path in packages if path.suffix == ".whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    if different := packed.symmetric_difference(_lines("git", "ls-files", "wyoming_vietts")):
        sys.exit(f"{wheel.name} and the folder wyoming_vietts differ in {sorted(different)}")
    return wheel


def speak(wheel: Path, with_lock: bool) -> None:
    """Install a wheel into an empty environment, serve there, and say a sentence.

    pip chooses the packages, as it does for users, or takes those of the lock.
    """
    uri = f"tcp://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        _run(sys.executable, "-m", "venv", folder)
        install = (f"{folder}/bin/python", "-m", "pip", "install", "--quiet")
        if with_lock:
            _run(*install, "--no-deps", "--require-hashes", "-r", "requirements/light.txt")
        _run(*install, wheel)
        program = f"{folder}/bin/wyoming-vietts"
        there: dict[str, Any] = {
            "cwd": folder,
            "env": clean_environment() | {"WYOMING_VIETTS_URI": uri},
        }
        server = subprocess.Popen([program, "serve"], **there)
        try:
            asyncio.run(wait_until_ready(uri))
            _run(program, "say", "Xin chào cả nhà", "-o", "speech.wav", **there)
        finally:
            server.terminate()
            server.wait()
        with wave.open(f"{folder}/speech.wav") as wav:
            seconds = wav.getnframes() / wav.getframerate()
            loudest = max(array("h", wav.readframes(wav.getnframes())))
    if loudest < LOUD:
        sys.exit(f"{wheel.name} says nothing: its loudest sample is {loudest}")
    print(f"{wheel.name} speaks, for {seconds:.1f} s")


def _run(*command: str | Path, **how: Any) -> None:
    if subprocess.run(command, **({"cwd": ROOT} | how)).returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: it failed, see above")


def _lines(*command: str) -> list[str]:
    return subprocess.check_output(command, cwd=ROOT, text=True).splitlines()


if __name__ == "__main__":
    main()
