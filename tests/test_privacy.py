"""Nobody is told who speaks."""

import subprocess
import sys
from pathlib import Path

from tests.engines.piper.tiny_voice import write_voice
from tests.harness import clean_environment

SPEAK = """
import sys
from pathlib import Path
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.piper.engine import PiperEngine
voice = PiperEngine(EngineSettings(piper_dir=Path(sys.argv[1]), threads=1)).voices["an"]
print(sum(map(len, filter(None, voice.speak("xin chào.")))))
"""


def test_onnx_runtime_collects_nothing_for_microsoft(tmp_path: Path) -> None:
    """It would make a number of this machine, and keep in a file what it is going to send."""
    write_voice(tmp_path / "voices" / "an.onnx")
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        k: v for k, v in clean_environment().items() if not k.startswith(("ORT_", "XDG_"))
    }
    said = subprocess.check_output(
        [sys.executable, "-c", SPEAK, str(tmp_path / "voices")],
        env=environment | {"HOME": str(home)},
    )
    assert int(said) > 1000
    assert list(home.rglob("*")) == []
