"""A torchaudio that does not fit PyTorch, as after an update of one of them."""

import os
import sys
from pathlib import Path

import pytest

from tests.engines.vietts.speech import WORDS, make_engine, record, say
from tests.harness import free_port, run_command, server_process, synthesize, wait_until_ready
from wyoming_vietts.errors import SynthesisError

FITS = "2.11 fits PyTorch 2.11 and later, and an older one the PyTorch of its own number"
BROKEN = "raise OSError('libtorchaudio.so: undefined symbol: _ZN3c10')"


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """Variables of a process that finds it."""
    package = tmp_path / "packages" / "torchaudio"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(BROKEN)
    return {"PYTHONPATH": os.pathsep.join((str(package.parent), os.getcwd()))}


def test_new_voice_says_which_versions_fit(
    model_dir: Path, tmp_path: Path, broken: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    engine = make_engine(model_dir, recording.parent)
    with monkeypatch.context() as patch:
        for name in [*sys.modules]:
            if name.partition(".")[0] == "torchaudio":
                patch.delitem(sys.modules, name)
        patch.syspath_prepend(broken["PYTHONPATH"].split(os.pathsep)[0])
        with pytest.raises(SynthesisError, match=FITS):
            list(say(engine, WORDS, "an"))
    assert any(say(engine, WORDS, "an"))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torchaudio", None)
        again = make_engine(model_dir, recording.parent)
        assert any(say(again, WORDS, "an")), "the features of the voice are kept"


async def test_start_with_other_voices_does_not_notice(
    model_dirs: dict[int, Path], tmp_path: Path, broken: dict[str, str]
) -> None:
    for options in (
        ("--engine", "espeak"),
        ("--piper-dir", str(tmp_path), "--model-dir", str(model_dirs[25])),
    ):
        uri = f"tcp://127.0.0.1:{free_port()}"
        with server_process("serve", "--uri", uri, *options, environment=broken) as process:
            await wait_until_ready(uri)
            voice = "espeak-north-male" if "espeak" in options else None
            if voice:
                assert await synthesize(uri, "xin chào", voice)
            process.terminate()
            log = process.communicate(timeout=30)[1].decode()
        assert "Traceback" not in log
        assert "torchaudio" not in log


def test_doctor_says_which_versions_fit(
    model_dir: Path, tmp_path: Path, broken: dict[str, str]
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    folders = ("--model-dir", str(model_dir), "--voices-dir", str(recording.parent))
    result = run_command("doctor", "--engine", "vietts", *folders, **broken)
    assert "Traceback" not in result.stderr
    assert FITS in result.stdout
    without = run_command("doctor", "--engine", "espeak", **broken)
    assert "Traceback" not in without.stderr
    assert FITS not in without.stdout
