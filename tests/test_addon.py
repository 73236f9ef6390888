"""The Home Assistant app's files, which must agree with each other and with the program.

The Supervisor's own schemas are not here: its repository is no package. They were asked by hand.
"""

import re
import struct
from pathlib import Path
from typing import Any

import pytest
import yaml

from wyoming_vietts import __version__
from wyoming_vietts.settings.table import APP_OPTIONS, SERVE_SETTINGS
from wyoming_vietts.settings.values import Number, OneOf, check

ROOT = Path(__file__).parents[1]
ADDON = ROOT / "addon"
CONFIG: dict[str, Any] = yaml.safe_load((ADDON / "config.yaml").read_text())
DOCKERFILE = (ADDON / "Dockerfile").read_text()
APPARMOR = (ADDON / "apparmor.txt").read_text()
PROJECT = "https://github.com/wyoming-vietts/wyoming-vietts"


def test_version_is_the_programs_everywhere() -> None:
    assert CONFIG["version"] == __version__
    assert f"FROM ghcr.io/wyoming-vietts/wyoming-vietts:{__version__}\n" in DOCKERFILE
    assert f'io.hass.version="{__version__}"' in DOCKERFILE
    changes = re.findall(r"^## (\S+)", (ADDON / "CHANGELOG.md").read_text(), re.M)
    assert changes[0] == __version__


def test_each_option_has_a_schema_and_the_programs_default() -> None:
    defaults = {option.name: option.default for option in APP_OPTIONS}
    assert CONFIG["options"] == defaults | {"lexicon": []}
    assert list(CONFIG["options"]) == list(CONFIG["schema"])


def test_schema_lets_through_what_the_program_takes_and_nothing_else() -> None:
    """As far as the Supervisor can know; its own check comes first."""
    for option in APP_OPTIONS:
        schema, kind = CONFIG["schema"][option.name], option.kind
        if isinstance(kind, OneOf):
            assert schema == f"list({'|'.join(kind.words)})"
        elif isinstance(kind, Number):
            assert schema == f"float({kind.least:g},{kind.most:g})"
        else:
            expected = {
                "voice": "str",
                "lexicon": ["str?"],
                "no_download": "bool",
                "http_token": "password",
                "debug": "bool",
            }
            assert schema == expected[option.name]


def test_values_at_the_limits_are_those_that_the_server_takes() -> None:
    kinds = {setting.name: setting.kind for setting in SERVE_SETTINGS}
    for option in APP_OPTIONS:
        if option.name in (
            "speed",
            "lead_silence",
            "tail_silence",
            "sentence_silence",
            "quality",
            "voice",
            "debug",
            "http_token",
        ):
            assert option.kind is kinds[option.name]


def test_defaults_are_values_that_are_accepted() -> None:
    kinds = {option.name: option.kind for option in APP_OPTIONS}
    assert check(CONFIG["options"], kinds, "option") == CONFIG["options"]


@pytest.mark.parametrize("language", ["en", "vi"])
def test_each_option_and_port_is_explained(language: str) -> None:
    translation = yaml.safe_load((ADDON / "translations" / f"{language}.yaml").read_text())
    assert list(translation["configuration"]) == list(CONFIG["options"])
    for texts in translation["configuration"].values():
        assert sorted(texts) == ["description", "name"]
    for option in APP_OPTIONS:
        if isinstance(option.kind, Number):
            ends = (f"{end:g}".replace(".", "," if language == "vi" else ".")
                    for end in (option.kind.least, option.kind.most))  # fmt: skip
            assert re.search(r"\b{}(,| to| đến) .*?{}\.".format(*ends),
                translation["configuration"][option.name]["description"])  # fmt: skip
    assert list(translation["network"]) == list(CONFIG["ports"])


def test_image_says_what_it_is_as_the_configuration_does() -> None:
    labels = dict(re.findall(r'(\S+)="([^"]*)"', DOCKERFILE))
    assert labels["io.hass.type"] == "app"
    assert sorted(labels["io.hass.arch"].split("|")) == sorted(CONFIG["arch"])
    for name in ("name", "description", "url"):
        assert labels[f"io.hass.{name}"] == CONFIG[name]


def test_links_lead_to_the_project() -> None:
    repository = yaml.safe_load((ROOT / "repository.yaml").read_text())
    assert repository["url"] == PROJECT
    for path in (*ADDON.glob("*.md"), ADDON / "config.yaml"):
        for link in re.findall(rf"{PROJECT}/(?:blob|tree)/main/([^\s)]+)", path.read_text()):
            assert (ROOT / link).exists(), f"{path.name}: {link}"


@pytest.mark.parametrize(("name", "size"), [("icon", (128, 128)), ("logo", (250, 100))])
def test_picture_has_the_size_that_home_assistant_shows(name: str, size: tuple[int, int]) -> None:
    png = (ADDON / f"{name}.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == size
    assert (ADDON / f"{name}.svg").is_file()


# --- AppArmor ------------------------------------------------------------------------------------


def test_profile_is_one_that_the_supervisor_can_rename() -> None:
    names = re.findall(r"^profile (\S+) ", APPARMOR, re.M)
    assert names == [CONFIG["slug"]]
    assert APPARMOR.startswith("#include <tunables/global>\n")
    assert APPARMOR.count("{\n") == 1
    assert APPARMOR.rstrip().endswith("\n}")
    rules = [line for line in APPARMOR.splitlines()[4:-1] if line.strip()]
    for rule in rules:
        assert re.fullmatch(r"  (#.*|[/@]\S+ [rwkmlix]+,|(network|signal|unix).*,)", rule), rule


def test_profile_lets_the_program_write_only_where_its_files_are() -> None:
    written = re.findall(r"^  (\S+) \w*w\w*,", APPARMOR, re.M)
    assert written == ["/dev/shm/**", "/tmp/{,**}", "/data/{,**}", "/share/vietts/{,**}"]
    assert "capability" not in APPARMOR.replace("no capability", "")


# --- documentation -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DOCS.md", "DOCS.vi.md"])
def test_documentation_tells_of_each_option_and_folder(name: str) -> None:
    text = (ADDON / name).read_text()
    for word in ("voices", "piper"):
        assert f"/share/vietts/{word}`" in text
    for option in ("voice", "quality", "lexicon", "debug"):
        assert re.search(rf"\*\*{option}\*\*|`{option}`", text), option
    for engine in CONFIG["schema"]["engine"][5:-1].split("|"):
        assert f"`{engine}`" in text
