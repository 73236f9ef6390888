"""The start of a server: the default voice is loaded, and what is wrong with it is an error."""

import time
from pathlib import Path

import pytest

from tests.engines.piper.tiny_voice import write_voice
from tests.engines.vietts.speech import voices_dir
from tests.harness import free_port, run_command, server_process, synthesize, wait_until_ready

__all__ = ["voices_dir"]


async def log_of_start(path: Path, *arguments: str) -> str:
    """The log of a server until it is ready and has spoken."""
    uri = f"tcp://127.0.0.1:{free_port()}"
    with (
        path.open("wb") as stderr,
        server_process("--uri", uri, *arguments, stderr=stderr),
    ):
        await wait_until_ready(uri)
        await synthesize(uri, "Xin chào.")
    return path.read_text()


async def test_default_piper_voice_is_loaded_before_the_server_is_ready(tmp_path: Path) -> None:
    write_voice(tmp_path / "an.onnx")
    write_voice(tmp_path / "binh.onnx")
    log = await log_of_start(
        tmp_path / "log", "--engine", "piper", "--piper-dir", str(tmp_path), "--voice", "binh"
    )
    assert 0 < log.index("Loaded binh.onnx") < log.index("Ready on")
    assert "an.onnx" not in log, "others are loaded when they are asked for"


async def test_default_cloned_voice_is_loaded_before_the_server_is_ready(
    tmp_path: Path, model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    folders = ("--model-dir", str(model_dirs[25]), "--voices-dir", str(voices_dir))
    log = await log_of_start(tmp_path / "log", *folders)
    assert log.count("Loaded the neural engine") == 1
    assert log.index("Loaded the neural engine") < log.index("Ready on")


def test_wrong_model_is_an_error_at_start(model_dir: Path, voices_dir: Path) -> None:
    (model_dir / "hift.pt").write_bytes(b"<html>404</html>")
    started = time.monotonic()
    result = run_command(
        *("--engine", "vietts", "--model-dir", str(model_dir), "--voices-dir", str(voices_dir)),
        *("--uri", f"tcp://127.0.0.1:{free_port()}"),
    )
    assert result.returncode == 1
    assert "The neural engine cannot be loaded: " in result.stderr
    assert str(model_dir / "hift.pt") in result.stderr
    assert "Ready" not in result.stderr
    assert "Traceback" not in result.stderr
    assert time.monotonic() - started < 30, "the start of a process, beside others"


@pytest.mark.parametrize("default", [(), ("--voice", "an")])
async def test_default_voice_that_is_none_gives_way_unless_it_was_asked_for(
    tmp_path: Path, default: tuple[str, ...]
) -> None:
    write_voice(tmp_path / "an.onnx").write_bytes(refused_network(tmp_path))
    write_voice(tmp_path / "binh.onnx")
    arguments = ("--engine", "piper", "--piper-dir", str(tmp_path), *default)
    if default:
        result = run_command(*arguments, "--uri", f"tcp://127.0.0.1:{free_port()}")
        assert result.returncode == 1
        assert "an.onnx cannot be loaded: " in result.stderr.splitlines()[-1]
    else:
        log = await log_of_start(tmp_path / "log", *arguments)
        assert "an.onnx cannot be loaded: " in log
        assert "with voice binh" in log


def refused_network(folder: Path) -> bytes:
    """A whole file with the right inputs that ONNX Runtime refuses."""
    good = write_voice(folder / "elsewhere" / "good.onnx").read_bytes()
    return good.replace(b"ConvTranspose", b"XonvTranspose")
