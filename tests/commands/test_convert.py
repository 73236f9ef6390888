"""Voice conversion's command, as far as it needs no model."""

from pathlib import Path

from tests.harness import run_command


def test_output_that_cannot_be_written_is_found_before_anything_is_computed(
    tmp_path: Path,
) -> None:
    for output, reason in (
        (tmp_path / "none" / "a.wav", f"there is no folder {tmp_path}/none"),
        (tmp_path, "it is a folder"),
    ):
        result = run_command("convert", "missing.wav", "an", "-o", str(output))
        assert result.returncode == 1
        (line,) = result.stderr.splitlines()
        assert f"Cannot write {output}: {reason}" in line
