"""What the documents say: their links, commands, flags and examples."""

import asyncio
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.frontends.http.harness import serving
from tests.harness import clean_environment
from wyoming_vietts.settings import table
from wyoming_vietts.settings.command_line import parse_options

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / name
    for name in subprocess.check_output(
        ["git", "ls-files", "*.md"], cwd=ROOT, text=True
    ).splitlines()
]
READMES = [ROOT / "README.md", ROOT / "README.vi.md"]
OPTIONS = [ROOT / "docs" / "options.md", ROOT / "docs" / "options.vi.md"]
TRANSLATED = [path for path in DOCUMENTS if path.name.endswith(".vi.md")]
SETTINGS = [value for value in vars(table).values() if isinstance(value, table.Setting)]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
PARSERS = {"yaml": yaml.safe_load, "toml": tomllib.loads, "json": json.loads}
# Where CI runs each script, beside those that start the program.
RUN_IN_CI = {
    "setup": "tests/test_setup.py",
    "test": ".ci/run",
    "lint": ".ci/run",
    "format": ".ci/run",
    "lock": "script/release.py",
    "release": ".ci/run",
    "check_reference": ".ci/run",
    "check_gpu": "tests/test_check_gpu.py",
    "make_goldens": ".ci/run",
    "make_icons": ".ci/run",
    "make_pictures": ".ci/run",
    "make_piper_goldens": ".ci/run",
    "setup_beside": "script/check_reference",
    "check_speech": ".ci/run",
    "make_vieneu_goldens": ".ci/run",
    "test_images": ".ci/run",
    "test_ranges": ".ci/run",
    "bench": "tests/test_benchmark.py",
}


def read(path: Path) -> str:
    return path.read_text("utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> Iterator[str]:
    """The code blocks of a language, without their indentation."""
    for indent, code in re.findall(rf"^( *)```{language}\n(.*?)^ *```$", read(path), re.M | re.S):
        yield re.sub(rf"^{indent}", "", code, flags=re.M)


def commands() -> Iterator[tuple[str, str]]:
    """Each command of this project that a document names, with the document."""
    for path in DOCUMENTS:
        text = "\n".join(blocks(path, "sh"))
        code = re.sub(r"\\\n", " ", text).splitlines()
        for line in [*code, *re.findall(r"`([^`\n]+)`", read(path))]:
            command = line.split("#")[0].strip()
            for part in re.split(r"&&|;|\|", command):
                words = part.split()
                if words and re.fullmatch(r"(\S*/)?wyoming-vietts|script/\w+", words[0]):
                    yield name_of(path), part.strip()


def anchors(path: Path) -> set[str]:
    """Those of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", read(path), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r'\]\(([^)\s]+)\)|src="([^"]+)"', read(path))
    for target, anchor in (re.split("#|$", link, maxsplit=1) for pair in links for link in pair):
        if target.startswith(("http:", "https:", "/")):
            continue
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), target
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{target}#{anchor}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
@pytest.mark.parametrize("language", PARSERS)
def test_examples_can_be_parsed(path: Path, language: str) -> None:
    for code in blocks(path, language):
        assert PARSERS[language](code)


@pytest.mark.parametrize(("document", "command"), sorted({*commands()}))
def test_commands_are_those_of_the_program(
    document: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts are run in CI; the program accepts the flags."""
    program, *arguments = shlex.split(command)
    script = program.removeprefix("script/")
    if "/" not in program and program != "wyoming-vietts":
        return
    if program.startswith("script/"):
        assert (ROOT / program).is_file()
    if script in RUN_IN_CI:
        ran = read(ROOT / RUN_IN_CI[script])
        assert re.search(rf"\b{script}\b", ran, re.I), f"{RUN_IN_CI[script]} does not run it"
        return
    if script == "test_arm":
        return  # it needs another machine
    if script == "say":
        arguments = ["say", *arguments]
    if any(word.isupper() or "..." in word for word in arguments):
        return  # it stands for something else
    if arguments[-1:] == ["--help"]:
        with pytest.raises(SystemExit, match=r"^0$"):
            parse_options(arguments)
        return
    parse_options(arguments)


@pytest.mark.parametrize("path", OPTIONS, ids=name_of)
def test_table_of_flags_has_every_flag(path: Path) -> None:
    named = set(re.findall(r"--[a-z][a-z-]+", read(path)))
    assert SETTINGS
    assert {setting.flag for setting in SETTINGS} <= named


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_variables_are_those_of_settings(path: Path) -> None:
    named = set(re.findall(r"WYOMING_VIETTS_\w+", read(path)))
    assert named <= {setting.variable for setting in SETTINGS}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_services_of_compose_exist_with_their_profiles(path: Path) -> None:
    for arguments in re.findall(
        r"docker compose ((?:--profile|up|cp|stop|down)[^`\n]*)", read(path)
    ):
        words = arguments.split()
        profile = words.pop(1) if words[0] == "--profile" else None
        services = [
            word.split(":")[0] for word in words if word.split(":")[0] in COMPOSE["services"]
        ]
        assert services or words[0] in ("stop", "down"), arguments
        for service in services if profile or "up" in words else ():
            assert COMPOSE["services"][service].get("profiles", [None]) == [profile]


def shape(path: Path) -> list[str]:
    """The marks of headings, lists, tables and code blocks."""
    marks = (re.match(r"#+ |\d\. |\* |\||```", line) for line in read(path).splitlines())
    return [mark[0] for mark in marks if mark]


@pytest.mark.parametrize("path", TRANSLATED, ids=name_of)
def test_both_languages_have_the_same_shape(path: Path) -> None:
    assert shape(path) == shape(path.with_name(path.name.replace(".vi.md", ".md")))


@pytest.mark.parametrize("language", ["nginx", "haproxy", "caddy"])
def test_configuration_that_is_tested_is_that_of_both_languages(language: str) -> None:
    english, vietnamese = (
        [re.sub(r" *#.*", "", code) for code in blocks(ROOT / "docs" / name, language)]
        for name in ("containers-and-proxies.md", "containers-and-proxies.vi.md")
    )
    assert english
    assert english == vietnamese


async def test_requests_of_the_documents_are_answered(tmp_path: Path) -> None:
    code = "".join(code for path in DOCUMENTS for code in blocks(path, "sh") if "curl" in code)
    requests = re.findall(r"^curl .*?-o (\S+)$", code, re.M | re.S)
    assert len(requests) == 4
    async with serving("--engine", "espeak") as (doors, _):
        code = code.replace("http://127.0.0.1:10280", doors.url)
        await asyncio.to_thread(
            subprocess.run, ["bash", "-euc", code], cwd=tmp_path, check=True, timeout=30
        )
    for name in requests:
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("path", READMES, ids=name_of)
def test_readme_is_short(path: Path) -> None:
    assert len(read(path).splitlines()) <= 150


@pytest.mark.parametrize("script", sorted((ROOT / "script").iterdir()), ids=name_of)
def test_every_script_says_what_it_is_for(script: Path) -> None:
    if script.is_file() and not script.suffix:
        assert read(script).splitlines()[1].startswith("# ")
        assert script.name in {
            *RUN_IN_CI,
            "run",
            "say",
            "test_arm",
        }  # the last needs another machine


def test_flags_of_the_benchmark_exist() -> None:
    command = [ROOT / "script" / "benchmark" / "__main__.py", "--help"]
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    known = subprocess.check_output([sys.executable, *command], env=environment, text=True)
    for _, command_ in commands():
        if command_.startswith("script/bench"):
            for flag in re.findall(r"--[a-z-]+", command_):
                assert flag in known, command_
