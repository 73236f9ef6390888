"""Messages about files that cannot be used."""

import errno
import os
from pathlib import Path

from wyoming_vietts.files import explain


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
