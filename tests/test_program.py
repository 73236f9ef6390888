"""Commands in messages work where the user is."""

import subprocess
from pathlib import Path

import pytest

from wyoming_vietts import program


def test_command_of_a_checkout_runs_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path, Path(program.__file__).parents[1]):
        monkeypatch.chdir(folder)
        command = program.command("--version")
        assert "script/run" in command
        assert subprocess.run(command, shell=True, capture_output=True).returncode == 0
        assert "script/setup vietts" in program.how_to_install("vietts")


def test_installed_command_is_named_without_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_SCRIPTS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program.command("voices").endswith("-m wyoming_vietts voices")
    (tmp_path / "wyoming-vietts").write_text("")
    (tmp_path / "wyoming-vietts").chmod(0o755)
    assert program.command("voices") == "wyoming-vietts voices"
    assert "extra 'vietts'" in program.how_to_install("vietts")


def test_user_of_the_app_is_told_of_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_SCRIPTS", Path("/nowhere"))
    monkeypatch.setenv("SUPERVISOR_TOKEN", "secret")
    assert program.step_to_install("vietts") == program.Step("engine", "vietts")
    assert "option 'engine' to vietts" in program.how_to_install("vietts")
