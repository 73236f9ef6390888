"""The model's download: from the hub, and one file from elsewhere."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engines.vieneu.test_speech import voice_of
from tests.engines.vieneu.tiny_model import NAMES, write_cloning
from tests.hub import running_hub
from wyoming_vietts.downloads.fetch import fetch
from wyoming_vietts.downloads.table import DOWNLOADS, VIENEU, VIENEU_CLONING, Download, HubFile
from wyoming_vietts.engines.vieneu.engine import CLONING_FILES, PRESETS_FILE
from wyoming_vietts.engines.vieneu.graphs import GRAPHS
from wyoming_vietts.errors import SetupError

REVISION = "0" * 40


def entry_of(name: str, folder: Path, elsewhere: str) -> Download:
    """The download with the sizes and hashes of a tiny model."""

    def tiny(file: HubFile) -> HubFile:
        content = (folder / file.name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        url = f"{elsewhere}/a/b/resolve/{REVISION}/{file.name}" if file.url else ""
        return replace(file, size=len(content), sha256=digest, url=url)

    entry = DOWNLOADS[name]
    return replace(entry, revision=REVISION, files=tuple(map(tiny, entry.files)))


def test_download_is_a_model_that_speaks(
    vieneu_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_cloning(shutil.copytree(vieneu_dir, tmp_path / "source"))
    monkeypatch.setenv("HF_TOKEN", "secret")
    with running_hub(source) as hub, running_hub(source) as elsewhere:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        for name in (VIENEU, VIENEU_CLONING):
            entry = entry_of(name, source, elsewhere.url)
            assert fetch(entry, tmp_path / "model")
            assert not fetch(entry, tmp_path / "model"), "all is there"
    assert [name for name, _ in elsewhere.sent] == [PRESETS_FILE]
    assert {*GRAPHS, *CLONING_FILES} <= {name for name, _ in hub.sent}
    assert hub.authorizations == {"Bearer secret"}
    assert elsewhere.authorizations == {None}, "a token is for its hub alone"
    assert voice_of(tmp_path / "model").name == NAMES[0]


def test_file_from_elsewhere_is_checked_and_its_host_named(
    vieneu_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_hub(vieneu_dir) as hub, running_hub(vieneu_dir) as elsewhere:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        entry = entry_of(VIENEU, vieneu_dir, elsewhere.url)
        elsewhere.statuses[PRESETS_FILE] = 404
        with pytest.raises(SetupError, match=f"{PRESETS_FILE} .*{elsewhere.url[7:]} does not give"):
            fetch(entry, tmp_path)
        assert not (tmp_path / PRESETS_FILE).exists()
        elsewhere.statuses.clear()
        elsewhere.lies[PRESETS_FILE] = bytes((vieneu_dir / PRESETS_FILE).stat().st_size)
        with pytest.raises(SetupError, match="had the wrong content"):
            fetch(entry, tmp_path)
    assert not entry.is_in(tmp_path)


def test_each_file_that_is_known_is_pinned() -> None:
    entry = DOWNLOADS[VIENEU]
    assert len(entry.revision) == 40
    assert all(file.size and file.sha256 for file in entry.files)
    assert sum(file.size or 0 for file in entry.files) / 1e6 == pytest.approx(
        entry.megabytes, abs=1
    )
    assert {file.name for file in entry.files} >= {*GRAPHS, PRESETS_FILE}
    assert {file.name for file in DOWNLOADS[VIENEU_CLONING].files} == {*CLONING_FILES}
