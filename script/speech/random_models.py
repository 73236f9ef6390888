"""Writes tiny models of random weights and a recording, on which `--convert` can be tested."""

import sys
from pathlib import Path

from tests.engines.vieneu import tiny_model as vieneu
from tests.engines.vietts import tiny_model as vietts
from tests.recording_files import record

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    vietts.write_model_dir(folder / "vietts", seed=25)
    vieneu.write_cloning(vieneu.write_model(folder / "vieneu"))
    record(folder / "voices" / "an.wav")
