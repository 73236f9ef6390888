"""Folders for files that are not complete: deleted when nobody fills them, and nothing else is."""

import os
from pathlib import Path

from tests.frontends.http.harness import running_doors
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.frontends.http.staging import remove_abandoned, staging


def test_folder_is_there_until_its_files_are_in_place(tmp_path: Path) -> None:
    with staging(tmp_path) as folder:
        (folder / "an.wav").write_text("a")
        remove_abandoned(tmp_path)
        assert folder.parent == tmp_path
        assert (folder / "an.wav").exists(), "it is locked"
    assert [*tmp_path.iterdir()] == []


def test_only_folders_that_nobody_fills_are_deleted(tmp_path: Path) -> None:
    abandoned, before_its_lock = tmp_path / ".upload-a1b2c3d_", tmp_path / ".upload-00000000"
    dear = [tmp_path / name for name in (".upload-mine", ".upload-a1b2c3d45", "x.upload-a1b2c3d4")]
    for folder in (abandoned, before_its_lock, *dear):
        folder.mkdir()
        (folder / "file").write_text("a")
    (abandoned / "lock").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("dear")
    (tmp_path / ".upload-11111111").symlink_to(elsewhere)
    (abandoned / "link").symlink_to(elsewhere)
    (tmp_path / ".upload-22222222").write_text("a file")
    remove_abandoned(tmp_path)
    assert not abandoned.exists()
    assert not before_its_lock.exists()
    assert all((folder / "file").exists() for folder in dear)
    assert (elsewhere / "file").read_text() == "dear"
    assert (tmp_path / ".upload-22222222").exists()


def test_lock_that_is_a_link_or_a_pipe_is_left_alone(tmp_path: Path) -> None:
    for name in ("33333333", "44444444"):
        (tmp_path / f".upload-{name}").mkdir()
    os.mkfifo(tmp_path / ".upload-33333333" / "lock")
    (tmp_path / ".upload-44444444" / "lock").symlink_to(tmp_path / "made")
    remove_abandoned(tmp_path)
    assert not (tmp_path / "made").exists()
    assert len([*tmp_path.iterdir()]) == 2


def test_folder_that_does_not_exist_has_none(tmp_path: Path) -> None:
    remove_abandoned(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


async def test_recording_of_a_killed_server_is_gone_after_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / ".upload-a1b2c3d4"
    folder.mkdir()
    (folder / "an.wav").write_text("half")
    async with running_doors(EspeakEngine(), voices_dir=tmp_path):
        assert [*tmp_path.iterdir()] == []
