"""Shell lines of the documents, and of comments that say how a file is used: each is checked.

Scripts and the program itself are checked in test_documents.py. A line with a program that nothing
here knows fails.
"""

import argparse
import asyncio
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.piper.tiny_voice import write_voice
from tests.frontends.wyoming.test_discovery import Browser
from tests.harness import (
    clean_environment,
    describe,
    free_port,
    pcm_of,
    run_command,
    synthesize,
    wait_until_ready,
)
from tests.hub import running_hub
from tests.test_documents import COMPOSE, DOCUMENTS, READMES, ROOT, blocks, name_of, read
from wyoming_vietts.downloads.table import NATURAL_VOICE
from wyoming_vietts.settings.command_line import misspelt_variables, parse_options
from wyoming_vietts.settings.table import MODEL_DIR

DOCKERFILE = read(ROOT / "Dockerfile")
RELEASE = read(ROOT / ".github" / "workflows" / "release.yml")
PROJECT = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
REPOSITORY = PROJECT["urls"]["Homepage"]
UNIT = ROOT / "deploy" / "wyoming-vietts.service"
INSTALLED_UNIT = Path("/etc/systemd/system") / UNIT.name
HAPROXY = ROOT / "deploy" / "haproxy.cfg"
COMMENTED = ["Dockerfile", "compose.yaml", *subprocess.check_output(
    ["git", "ls-files", "deploy"], cwd=ROOT, text=True).split()]  # fmt: skip
DEBIAN_PACKAGES = {"python3-venv", "haproxy", "socat"}  # which its releases 12 and 13 have
Words = list[str]


def pushed_images() -> set[str]:
    """The images of a release, with VERSION for its number."""
    image = REPOSITORY.replace("https://github.com", "ghcr.io")
    assert "IMAGE: ghcr.io/${{ github.repository }}" in RELEASE
    named = {f"{image}:VERSION" if tag == "$image" else tag for tag in
             re.findall(r'-t "([^"]+)"', RELEASE)}  # fmt: skip
    assert len(named) == 4
    return {tag.replace("$IMAGE", image).replace("$image", f"{image}:VERSION") for tag in named} | {
        image
    }


# --- collecting -----------------------------------------------------------------------------------


def simple_commands(line: str) -> Iterator[Words]:
    """Split a line as a shell does, at `&&`, `;` and `|`; comments go."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: Words = []
    for word in [*lexer, ";"]:
        if word in ("&&", ";", "|"):
            if words:
                yield words
            words = []
        else:
            words.append(word)


def lines() -> Iterator[tuple[str, str]]:
    """Each simple command, and the document in which it is."""
    for path in DOCUMENTS:
        code = "".join(blocks(path, "sh")).replace("\\\n", " ").splitlines()
        inline = [text for text in re.findall(r"`([^`\n]+)`", read(path)) if is_command(text)]
        for line in [*code, *inline]:
            for words in simple_commands(line):
                yield name_of(path), shlex.join(words)
    for name in COMMENTED:
        comments = re.sub(r"\\\n#", " ", read(ROOT / name))
        for comment in re.findall(r"^# +(.*)", comments, re.M):
            command = re.split(r" {3,}\b| {4}\(", comment)[0]
            if is_command(command):
                for words in simple_commands(command):
                    yield name, shlex.join(words)


def is_command(text: str) -> bool:
    program, _, arguments = text.partition(" ")
    return program in CHECKS and bool(arguments)


# --- checks, by program ---------------------------------------------------------------------------


def check_git(words: Words) -> None:
    if words[0] == "clone":
        folders = [word for word in words[1:] if word != "THIS_REPOSITORY"]
        assert folders in ([REPOSITORY], [installed_folder()])
    elif words[0] == "tag":
        assert re.search(r'tags: \["v\*"\]', RELEASE)
        assert re.fullmatch(r"v\d+\.\d+\.\d+", words[1])
    else:
        assert words[0] == "pull" or re.fullmatch(r"push origin v\d+\.\d+\.\d+", " ".join(words))


def docker_run(words: Words) -> argparse.Namespace:
    """Parse `docker run`; the options are those that a document may use."""
    parser = argparse.ArgumentParser("docker run", allow_abbrev=False)
    parser.add_argument("-d", action="store_true")
    parser.add_argument("--name", required=True)
    parser.add_argument("--restart", choices=["no", "always", "on-failure", "unless-stopped"])
    parser.add_argument("--network", choices=["host"])
    parser.add_argument("-v", action="append", default=[])
    parser.add_argument("-e", action="append", default=[])
    parser.add_argument("image")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args(words)


def check_docker(words: Words) -> None:
    containers = {documented_run(path).name for path in READMES}
    volumes = {mount.split(":")[0] for path in READMES for mount in documented_run(path).v}
    match words:
        case ["run", *options] if options:
            run = docker_run(options)
            assert run.image in pushed_images()
            kept = set(re.findall(r"^VOLUME (\S+)", DOCKERFILE, re.M))
            assert {mount.split(":")[1] for mount in run.v} == kept
            variables = dict(variable.split("=") for variable in run.e)
            assert [*misspelt_variables(variables)] == []
            parse_options(["serve", *run.arguments], variables)
        case ["run"]:
            pass  # the words alone
        case ["pull", image]:
            assert image in pushed_images()
        case ["rm", "-f", name]:
            assert name in containers
        case ["volume", "rm", name]:
            assert name in volumes
        case ["build", "-t", "wyoming-vietts", *target, "."]:
            targets = re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.M)
            assert target == [] or (target[0] == "--target" and target[1] in targets)
        case ["compose", *arguments]:
            check_compose(arguments)
        case _:
            pytest.fail(f"nothing checks docker {words}")


def check_compose(words: Words) -> None:
    services = COMPOSE["services"]
    profile = words[1] if words[0] == "--profile" else None
    match words if profile is None else words[2:]:
        case ["up", "-d", *rest]:
            (service,) = [word for word in rest if word != "--build"] or ["light"]
            assert services[service].get("profiles", [None]) == [profile]
        case ["cp", "voices", target]:
            service, folder = target.split(":")
            assert service in services
            voices = re.findall(r"WYOMING_VIETTS_VOICES_DIR=(\S+)", DOCKERFILE)
            assert [f"{folder}voices"] == voices
        case ["run", service, *arguments]:
            assert service in services
            check_program(arguments)
        case ["stop"] | ["down", "--volumes"]:
            pass
        case _:
            pytest.fail(f"nothing checks docker compose {words}")


def check_program(arguments: Words) -> None:
    result = run_command(*arguments)
    assert result.returncode == 0, result.stderr


def check_pip(words: Words) -> None:
    match words:
        case ["install", *upgrade, wanted]:
            assert upgrade in ([], ["--upgrade"])
            name, extras = re.fullmatch(r"([\w-]+)\[([\w,]+)\]", wanted).groups()  # type: ignore
            assert name == PROJECT["name"]
            assert {*extras.split(",")} <= PROJECT["optional-dependencies"].keys()
        case _:
            pytest.fail(f"nothing checks pip {words}")


def check_systemctl(words: Words) -> None:
    """Run what works without a running systemd, and look up the rest in its help."""
    command, *arguments = [word for word in words if word != "--now"]
    units = {UNIT.stem: UNIT, "haproxy": Path("/lib/systemd/system/haproxy.service")}
    help_ = subprocess.check_output(["systemctl", "--help"], text=True)
    assert re.search(rf"^  {command} ", help_, re.M)
    (name,) = arguments
    assert units[name].is_file()
    if command == "reload":
        assert "ExecReload=" in read(units[name])


def check_rm(words: Words) -> None:
    kept = f"/var/lib/private/{re.findall(r'StateDirectory=(.*)', read(UNIT))[0]}"
    assert "DynamicUser=yes" in read(UNIT), "its folder is in /var/lib/private"
    assert words == ["-r", str(INSTALLED_UNIT), installed_folder(), kept]


def check_cp(words: Words) -> None:
    source, target = words
    recordings = f"{MODEL_DIR.default}/voices/"
    if target == recordings:
        assert source.endswith(".wav")
    else:
        source = source.removeprefix(f"{installed_folder()}/")
        assert (ROOT / source).is_file()
        assert target in (f"{INSTALLED_UNIT.parent}/", "/etc/haproxy/")


def check_chown(words: Words) -> None:
    user = "".join(re.findall(r"useradd --uid (\d+)", DOCKERFILE))
    assert words[:2] == ["-R", f"{user}:{user}"]


def check_socat(words: Words) -> None:
    socket = re.findall(r"stats socket \"\$\{VIETTS_ADMIN-(\S+)\}\"", read(HAPROXY))
    assert words == ["stdio", *socket]


def check_kubectl(words: Words) -> None:
    assert words[:2] == ["apply", "-k"]
    assert (ROOT / words[2] / "kustomization.yaml").is_file()


def check_helm(words: Words) -> None:
    assert (ROOT / words[words.index("--values") + 1]).is_file()


def installed_folder() -> str:
    """The folder of the checkout that systemd starts."""
    return re.findall(r"ExecStart=(\S+)/\.venv/bin/wyoming-vietts serve", read(UNIT))[0]  # type: ignore


def nothing(words: Words) -> None:
    """Checked elsewhere."""


def check_sudo(words: Words) -> None:
    CHECKS[words[0].removeprefix(f"{installed_folder()}/")](words[1:])


def check_cd(words: Words) -> None:
    assert words == [REPOSITORY.rpartition("/")[2]]


def check_mkdir(words: Words) -> None:
    assert words == ["-p", f"{MODEL_DIR.default}/voices"]


def check_apt(words: Words) -> None:
    assert words[0] == "install"
    assert {*words[1:]} <= DEBIAN_PACKAGES


SCRIPTS = [name_of(path) for path in (ROOT / "script").iterdir()]
CHECKS: dict[str, Callable[[Words], None]] = {
    "git": check_git,
    "cd": check_cd,
    "docker": check_docker,
    "pip": check_pip,
    "sudo": check_sudo,
    "systemctl": check_systemctl,
    "apt": check_apt,
    "rm": check_rm,
    "cp": check_cp,
    "mkdir": check_mkdir,
    "chown": check_chown,
    "echo": nothing,  # for HAProxy: tests/test_fleet.py sends the same
    "socat": check_socat,
    "kubectl": check_kubectl,
    "helm": check_helm,
    "curl": nothing,  # tests/test_documents.py runs it
    **dict.fromkeys([*SCRIPTS, "wyoming-vietts"], nothing),  # tests/test_documents.py
}


@pytest.mark.parametrize(("document", "line"), sorted({*lines()}))
def test_shell_line_names_only_what_exists(document: str, line: str) -> None:
    program, *words = shlex.split(line)
    assert program in CHECKS, "nothing checks it"
    CHECKS[program](words)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_images_are_those_that_a_release_pushes(path: Path) -> None:
    image = REPOSITORY.replace("https://github.com", "ghcr.io")
    named = re.findall(rf"{re.escape(image)}(?::[\w.-]+)?|ghcr\.io/[\w./:-]+", read(path))
    assert {*named} <= pushed_images()


# --- run ------------------------------------------------------------------------------------------


def documented_run(path: Path) -> argparse.Namespace:
    """The `docker run` of a README."""
    (line,) = re.findall(r"^docker run (.*)", read(path).replace("\\\n", " "), re.M)
    return docker_run(shlex.split(line))


def test_both_languages_start_the_same_container() -> None:
    english, vietnamese = map(documented_run, READMES)
    assert english == vietnamese


async def test_server_of_docker_run_fetches_its_voice_and_is_announced(tmp_path: Path) -> None:
    """With the variables of the image and of the line, its volume in another place."""
    run = documented_run(READMES[0])
    (mount,) = run.v
    data = mount.split(":")[1]
    image = dict(re.findall(r"(WYOMING_VIETTS_\w+)=(\S+)", DOCKERFILE))
    environment = image | dict(variable.split("=") for variable in run.e)
    environment = {name: value.replace(data, str(tmp_path / "data"), 1) if value.startswith(data)
                   else value for name, value in environment.items()}  # fmt: skip
    port = free_port()
    environment["WYOMING_VIETTS_URI"] = uri = f"tcp://0.0.0.0:{port}"
    write_voice(tmp_path / "hub" / f"{NATURAL_VOICE}.onnx")
    with running_hub(tmp_path / "hub") as hub:
        command = [sys.executable, "-m", "tests.hub", str(hub.folder), *run.arguments]
        process = subprocess.Popen(
            command, env=clean_environment() | hub.environment | environment, stderr=subprocess.PIPE
        )
        try:
            await wait_until_ready(uri)
            (voice,) = (await describe(uri)).tts[0].voices
            assert len(pcm_of(await synthesize(uri, "Xin chào."))) > 1000
            async with asyncio.timeout(20), Browser() as browser:
                while port not in [(await browser.look_up(name)).port for name in browser.seen]:
                    await asyncio.sleep(0.1)
        finally:
            process.terminate()
            process.communicate(timeout=10)
    assert voice.name == NATURAL_VOICE
    assert (tmp_path / "data" / "piper" / f"{NATURAL_VOICE}.onnx").is_file(), "in the volume"


def test_systemctl_enables_and_disables_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / INSTALLED_UNIT.relative_to("/")
    unit.parent.mkdir(parents=True)
    unit.write_bytes(UNIT.read_bytes())
    link = unit.parent / "multi-user.target.wants" / unit.name
    for command, is_there in (("enable", True), ("disable", False)):
        subprocess.run(
            ["systemctl", f"--root={tmp_path}", command, UNIT.stem], check=True, capture_output=True
        )
        assert link.is_symlink() == is_there
