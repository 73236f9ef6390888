"""The small natural voice, from a hub on this machine: asked for, or in a server's first minute."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.piper.sano_voice import MANIFEST, WEIGHTS, package
from tests.harness import run_command
from tests.hub import Hub, running_hub
from wyoming_vietts.downloads.table import DOWNLOADS, SMALL_VOICE

ONNX, JSON = f"{SMALL_VOICE}.onnx", f"{SMALL_VOICE}.onnx.json"
FILES = [file.name for file in DOWNLOADS[SMALL_VOICE].files]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """With a tiny voice in the place of the small one."""
    folder = tmp_path / "hub"
    folder.mkdir()
    for name, content in package().items():
        (folder / name).write_bytes(content)
    with running_hub(folder) as hub:
        yield hub


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if not path.name.startswith("."))


# --- asked for -----------------------------------------------------------------------------------


def test_downloaded_voice_is_converted_and_listed(hub: Hub, tmp_path: Path) -> None:
    folder = ("--piper-dir", str(tmp_path / "voices"), "--model-dir", str(tmp_path))
    result = run_command("download", SMALL_VOICE, *folder[:2], **hub.environment)
    assert result.returncode == 0, result.stderr
    assert f"Downloaded: '{SMALL_VOICE}' in " in result.stderr
    for right in ("GPL-3.0", "CC BY 4.0 (VAIS-1000)", "commercial use is unclear"):
        assert right in result.stderr
    assert visible(tmp_path / "voices") == [ONNX, JSON], "nothing that was published is left"
    assert [name for name, _ in hub.sent] == FILES
    assert f"{SMALL_VOICE}\t3 MB\t" in (listed := run_command("download", *folder).stdout)
    assert "less clear (sanoTTS) (is there)" in listed
    assert run_command("voices", *folder).stdout.startswith(f"{SMALL_VOICE}\t")
    report = json.loads(run_command("doctor", "--json", *folder, **hub.environment).stdout)
    assert report["voices"][SMALL_VOICE].startswith("Giọng nữ miền Bắc, nhỏ gọn: ")


def test_repeated_download_mends_what_is_damaged_alone(hub: Hub, tmp_path: Path) -> None:
    arguments = ("download", SMALL_VOICE, "--piper-dir", str(tmp_path / "voices"))
    assert run_command(*arguments, **hub.environment).returncode == 0
    onnx, config = tmp_path / "voices" / ONNX, tmp_path / "voices" / JSON
    content, written = onnx.read_bytes(), config.stat().st_mtime_ns
    onnx.write_bytes(content[:-1])
    assert "Downloaded" in run_command(*arguments, **hub.environment).stderr
    assert onnx.read_bytes() == content
    assert "Already there" in run_command(*arguments, **hub.environment).stderr
    assert config.stat().st_mtime_ns == written


def test_voice_of_another_kind_is_one_sentence_and_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    manifest = json.loads((hub.folder / MANIFEST).read_bytes())
    manifest["format"] = "roota.q8.v2"
    (hub.folder / MANIFEST).write_text(json.dumps(manifest))
    result = run_command(
        *("download", SMALL_VOICE, "--piper-dir", str(tmp_path / "voices")), **hub.environment
    )
    assert result.returncode == 1
    assert f"{SMALL_VOICE} cannot be converted: the format is 'roota.q8.v2'" in result.stderr
    assert "Traceback" not in result.stderr
    assert visible(tmp_path / "voices") == []
    assert not (tmp_path / "voices" / ".download").exists(), "it is fetched anew the next time"


def test_hub_with_far_more_than_was_announced_is_refused(hub: Hub, tmp_path: Path) -> None:
    with (hub.folder / WEIGHTS).open("ab") as file:
        file.truncate(7_000_000)
    result = run_command(
        *("download", SMALL_VOICE, "--piper-dir", str(tmp_path / "voices")), **hub.environment
    )
    assert result.returncode == 1
    assert "ampixa/sanoTTS has 7 MB in place of the 3 MB that are expected" in result.stderr
    assert WEIGHTS not in [name for name, _ in hub.sent]
