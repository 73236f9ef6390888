"""What must agree before a release."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from script.release import CHANGELOGS, COPIES, ROOT, SOURCE, differences, read_version, set_version

PLACES = (*COPIES, *CHANGELOGS)
WORKFLOWS = ROOT / ".github" / "workflows"
REGISTRIES = re.compile(
    rb"pypi\.org|pythonhosted\.org|npmjs\.|yarnpkg\.|deb\.debian\.org|download\.pytorch\.org"
)


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """A folder with all files that name the version."""
    for path in {path for path, _ in (SOURCE, *PLACES)}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def workflow(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((WORKFLOWS / name).read_text("utf-8"))
    return content


def test_every_place_has_the_version_of_the_program() -> None:
    assert [*differences(ROOT)] == []


@pytest.mark.parametrize(("path", "pattern"), PLACES)
def test_place_that_was_forgotten_is_named(copies: Path, path: str, pattern: str) -> None:
    file = copies / path
    text = file.read_text("utf-8")
    match = re.search(pattern, text, re.M)
    assert match
    file.write_text(text[: match.start(1)] + "9.8.7" + text[match.end(1) :], "utf-8")
    [sentence] = differences(copies)
    assert path in sentence
    assert "9.8.7" in sentence


def test_version_is_written_everywhere_but_in_the_changelogs(copies: Path) -> None:
    set_version(copies, "9.8.7")
    assert read_version(copies) == "9.8.7"
    assert [sentence.split()[0] for sentence in differences(copies)] == [
        path for path, _ in CHANGELOGS
    ]


def test_version_of_another_shape_is_refused(copies: Path) -> None:
    with pytest.raises(SystemExit, match=r"1\.2rc1 is no version"):
        set_version(copies, "1.2rc1")
    assert [*differences(copies)] == []


def test_images_have_the_names_that_the_app_asks_for() -> None:
    """It runs no command while it is built, as one machine builds it for all architectures."""
    names = workflow("release.yml")["env"]
    owner, repository = "wyoming-vietts", "wyoming-vietts/wyoming-vietts"
    image = names["IMAGE"].replace("${{ github.repository }}", repository)
    app = names["APP"].replace("${{ github.repository_owner }}", owner)
    config = yaml.safe_load((ROOT / "addon" / "config.yaml").read_text("utf-8"))
    assert (config["image"], str(config["version"])) == (app, read_version(ROOT))
    dockerfile = (ROOT / "addon" / "Dockerfile").read_text("utf-8")
    assert f"FROM {image}:" in dockerfile
    assert not re.search("^RUN", dockerfile, re.M)


def test_every_python_that_the_package_names_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert workflow("test.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == named
    assert project["requires-python"] == f">={named[0]}"


def test_newest_and_oldest_packages_are_tried_each_week() -> None:
    jobs = workflow("newest.yml")["jobs"]
    tried = [entry["packages"] for entry in jobs["test"]["strategy"]["matrix"]["include"]]
    assert tried == ["newest", "oldest"]
    assert any("script/test_ranges" in str(step) for step in jobs["test"]["steps"])
    assert jobs["issue"]["if"] == "failure()"


def test_pytorchs_packages_move_together() -> None:
    [pip, _] = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert pip["groups"]["pytorch"]["patterns"] == ["torch", "torchaudio"]
    assert (ROOT / pip["directory"].strip("/")).is_dir()


def test_no_file_names_the_host_of_a_package_registry() -> None:
    """Package tools know it by their settings; only PyTorch has its builds for a CPU elsewhere."""
    files = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
    naming = [path for path in files if REGISTRIES.search((ROOT / path).read_bytes())]
    assert naming == ["requirements/torch-cpu.txt"]
