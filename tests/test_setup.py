"""script/setup: it installs what the lock has, and says what is wrong where it cannot."""

import os
import re
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETUP = ROOT / "script" / "setup"
PIN = re.compile(r"^([a-z0-9._-]+)==([^ \n]+)", re.M)
# Packages from PyTorch's own index, whose hashes the default index does not have.
WITHOUT_HASHES = "requirements/torch-cpu.txt"


def pins(path: Path) -> set[tuple[str, str]]:
    return set(PIN.findall(path.read_text("utf-8")))


PYTHON = """#!/bin/sh
echo "$@" >>asked
case "$*" in
    "-m venv "*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"${FAILS:-nothing}"*) exit 1 ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a `python3` that only writes down its arguments, and makes environments.

    It fails where its arguments contain $FAILS.
    """
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "script").mkdir()
    shutil.copy(SETUP, tmp_path / "script" / "setup")
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(PYTHON)
    python.chmod(0o755)
    return tmp_path


def setup(checkout: Path, *parts: str, fails: str = "") -> tuple[list[list[str]], str]:
    """Run script/setup; returns the arguments of each `pip install`, and what was said."""
    (checkout / "asked").unlink(missing_ok=True)
    path = f"{checkout / 'bin'}:{os.environ['PATH']}"
    environment = os.environ | {"FAILS": fails, "PATH": path}
    result = subprocess.run(
        [checkout / "script" / "setup", *parts], env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    asked = (checkout / "asked").read_text().splitlines() if (checkout / "asked").exists() else []
    return [line.split() for line in asked if " install " in line], result.stderr


def files_of(installs: list[list[str]]) -> list[str]:
    words = [word for arguments in installs for word in arguments]
    return [word.removeprefix("--requirement=") for word in words if "requirements/" in word]


def test_everything_that_is_installed_here_is_in_the_lock() -> None:
    """The tests run in the environment that script/setup has made."""
    locked = set().union(*map(pins, (ROOT / "requirements").glob("*.txt")))
    installed = {
        (re.sub("[-_.]+", "-", found.metadata["Name"]).lower(), found.version.split("+")[0])
        for found in distributions()
    }
    others = {name for name, _ in installed - locked}
    assert others <= {"pip", "wyoming-vietts"}


@pytest.mark.parametrize(
    "parts", [(), ("test", "lint"), ("vietts", "test"), ("gpu",), ("release",)]
)
def test_nothing_is_installed_but_pins(checkout: Path, parts: tuple[str, ...]) -> None:
    installs, _ = setup(checkout, *parts)
    *packages, program = installs
    assert program[-2:] == ["--editable", "."]
    for arguments in installs:
        assert "--no-deps" in arguments
    for arguments in packages:
        assert "--require-hashes" in arguments or arguments[-1] == WITHOUT_HASHES
        after = arguments[arguments.index("install") + 1 :]
        packages_by_name = [word for word in after if not word.startswith("-") and "/" not in word]
        assert packages_by_name in ([], ["2"], ["0"]), "only the number of retries"


def test_every_pin_has_hashes_where_they_are_required() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        if path.name != Path(WITHOUT_HASHES).name:
            text = path.read_text("utf-8").replace("\\\n", "")
            lines = [line for line in text.splitlines() if line]
            assert lines
            assert [line for line in lines if "--hash=sha256:" not in line] == [], path


def test_files_of_the_lock_agree() -> None:
    """Of one package for one Python, all have the same version; only ONNX Runtime has two names."""
    versions: dict[str, set[str]] = {}
    for path in (ROOT / "requirements").glob("*.txt"):
        for line in path.read_text("utf-8").splitlines():
            if match := re.match(r"([a-z0-9._-]+)==([^ ]+)( ; [^\\]+)?", line):
                versions.setdefault(f"{match[1]}{match[3] or ''}", set()).add(match[2])
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_cpu_gets_the_builds_for_a_cpu(checkout: Path) -> None:
    installs, said = setup(checkout, "vietts")
    assert files_of(installs) == ["requirements/neural.txt", WITHOUT_HASHES]
    assert said == "Installing into .venv, about 1 GB: this can take minutes\n"


def test_without_pytorchs_index_the_default_build_is_installed(checkout: Path) -> None:
    installs, said = setup(checkout, "vietts", fails="torch-cpu")
    assert files_of(installs)[-1] == "requirements/torch.txt"
    assert said.splitlines()[1:] == [
        "Cannot reach PyTorch's index of CPU builds: installing the default build, 5 GB"
    ]


def test_builds_for_a_cpu_have_the_versions_of_the_others() -> None:
    assert pins(ROOT / WITHOUT_HASHES) < pins(ROOT / "requirements" / "torch.txt")


def test_parts_that_were_installed_stay(checkout: Path) -> None:
    setup(checkout, "vietts")
    installs, said = setup(checkout, "test")
    assert files_of(installs)[:2] == ["requirements/neural.txt", "requirements/test.txt"]
    assert said == "", "only the first time takes long"
    assert (checkout / ".venv" / "installed").read_text().splitlines()[0] == "vietts test"


def test_nothing_is_done_until_the_pins_change(checkout: Path) -> None:
    setup(checkout, "test")
    assert setup(checkout, "test") == setup(checkout) == ([], "")
    for changed in ("requirements/test.txt", "pyproject.toml"):
        with (checkout / changed).open("a") as file:
            file.write("# changed\n")
        installs, _ = setup(checkout)
        assert files_of(installs) == ["requirements/light.txt", "requirements/test.txt"], changed


def test_gpu_gets_a_new_environment(checkout: Path) -> None:
    """It has other builds of the same packages, which pip would not replace."""
    setup(checkout, "vietts", "test")
    (checkout / ".venv" / "of-a-cpu").touch()
    installs, said = setup(checkout, "gpu")
    assert files_of(installs) == [f"requirements/{name}.txt" for name in ("cuda", "torch", "test")]
    assert not (checkout / ".venv" / "of-a-cpu").exists()
    assert "6 GB" in said


def test_unknown_part_is_named_with_those_that_exist(checkout: Path) -> None:
    result = subprocess.run(
        [checkout / "script" / "setup", "vieneu"], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "'vieneu'" in result.stderr
    assert "vietts, gpu, test" in result.stderr
    assert not (checkout / "asked").exists()


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
