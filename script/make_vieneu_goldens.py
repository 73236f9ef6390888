"""Write tests/engines/vieneu/golden: phonemes of sea-g2p, and what vieneu makes of a tiny model."""

import json
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
hub = ModuleType("huggingface_hub")  # all files are there
hub.hf_hub_download = None  # type: ignore[attr-defined]
sys.modules["huggingface_hub"] = hub

from sea_g2p import G2P, punc_norm  # noqa: E402
from vieneu.v3nano import OnnxV3NanoEngine  # noqa: E402

from tests.engines.vieneu.tiny_model import (  # noqa: E402
    CASES,
    recording,
    write_cloning,
    write_model,
)

ROOT = Path(__file__).parents[1]
GOLDEN = Path(*sys.argv[1:]) if sys.argv[1:] else ROOT / "tests" / "engines" / "vieneu" / "golden"
SENTENCES = ROOT / "tests" / "text" / "spoken_forms.tsv"
EVERY = 2  # of the sentences


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    content = json.dumps(phonemes(), ensure_ascii=False, indent=0) + "\n"
    (GOLDEN / "phonemes.json").write_text(content, "utf-8")
    with tempfile.TemporaryDirectory() as folder:
        np.savez_compressed(GOLDEN / "arrays.npz", **arrays(Path(folder)))


def phonemes() -> dict[str, str]:
    """Phonemes by sentence."""
    g2p = G2P("vi")
    lines = SENTENCES.read_text("utf-8").splitlines()
    spoken = [line.split("\t")[1].strip() for line in lines if line and not line.startswith("#")]
    return {text: punc_norm(g2p.convert(text, punc_norm=False)) for text in spoken[::EVERY]}


def arrays(folder: Path) -> dict[str, np.ndarray]:
    """Samples as int16 by case, and the features of a recording."""
    write_cloning(write_model(folder))
    engine = OnnxV3NanoEngine(local_dir=str(folder), threads=1)
    presets = json.loads((folder / "voices_v3_nano.json").read_text("utf-8"))["presets"]
    made = {}
    for name, case in CASES.items():
        voice = presets[case.voice]
        speaker, style = (np.array(voice[key], np.float32) for key in ("speaker_emb", "style"))
        wave = engine.infer(case.phonemes, speaker, style, steps=case.steps, sway=case.sway,
                            speed=case.speed, seed=case.seed)  # fmt: skip
        made[name] = np.rint(wave * 32767).astype(np.int16)
    speaker, style = engine.prepare_reference(recording(), sr=24_000, denoise=False)
    return {**made, "speaker": speaker, "style": style}


if __name__ == "__main__":
    main()
