"""Files that several processes write, and messages about files that cannot be used."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wyoming_vietts.files import explain, replace_file, replacement

WRITE_500_TIMES = """
import sys
from pathlib import Path
from wyoming_vietts.files import replace_file
for _ in range(500):
    replace_file(Path(sys.argv[1]), sys.argv[2].encode() * 100_000)
"""


def test_file_that_two_processes_write_is_always_one_of_theirs(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"a" * 100_000)
    command = [sys.executable, "-c", WRITE_500_TIMES, str(path)]
    writers = [subprocess.Popen([*command, letter]) for letter in "ab"]
    while any(writer.poll() is None for writer in writers):
        content = path.read_bytes()
        assert content in (b"a" * 100_000, b"b" * 100_000)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert [*tmp_path.iterdir()] == [path]


def test_replacement_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def write_half() -> None:
        with replacement(path) as unfinished:
            unfinished.write_bytes(b"half")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_half()
    assert path.read_bytes() == b"before"
    assert [*tmp_path.iterdir()] == [path]


def test_what_killed_processes_left_is_removed_and_what_others_write_is_not(tmp_path: Path) -> None:
    old, new = tmp_path / ".file.0123abcd", tmp_path / ".file.4567cdef"
    of_editor = tmp_path / ".file.swp"
    for leftover in (old, new, of_editor):
        leftover.write_bytes(b"half")
    os.utime(old, (0, 0))
    os.utime(of_editor, (0, 0))
    replace_file(tmp_path / "file", b"whole")
    assert sorted(tmp_path.iterdir()) == [new, of_editor, tmp_path / "file"]


def test_link_is_replaced_itself(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"dear")
    link.symlink_to(target)
    replace_file(link, b"new")
    assert (link.read_bytes(), target.read_bytes()) == (b"new", b"dear")
    assert not link.is_symlink()


def test_denied_file_says_whose_it_is_and_what_to_do(tmp_path: Path) -> None:
    inner = tmp_path / "piper" / ".download"
    message = explain(PermissionError(errno.EACCES, "Permission denied", str(inner)))
    user = os.getuid()
    assert f"'{inner}'" in message
    assert f"{tmp_path} belongs to user {tmp_path.stat().st_uid}" in message
    assert f"'chown -R {user} {tmp_path}'" in message


def test_other_errors_are_as_the_system_has_them() -> None:
    assert explain(OSError(errno.ENOSPC, "No space left on device", "/x")) == (
        "[Errno 28] No space left on device: '/x'"
    )
    assert explain(PermissionError("no file is named")) == "no file is named"
