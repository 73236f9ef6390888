"""Write the golden files of tests/engines/piper with the published packages.

phonemes.json: the phonemes that piper-tts makes of sentences
sano.npz: the samples that sanotts makes of phoneme ids, with the weights of the tests
"""

import json
import tempfile
from pathlib import Path

import numpy as np
from piper.phonemize_espeak import EspeakPhonemizer
from sanotts import models, voicepack

from tests.engines.piper.sano_voice import package

FOLDER = Path(__file__).parents[1] / "tests" / "engines" / "piper" / "golden"
VOICES = ("vi", "vi-vn-x-central", "vi-vn-x-south")
IDS = ([1], [1, 0, 2], [1, 0, 99, 0, 100, 0, 33, 0, 2])
LENGTH_SCALES = (1.16, 0.7)


def main() -> None:
    make_phonemes(FOLDER / "phonemes.json")
    make_samples(FOLDER / "sano.npz")


def make_phonemes(golden: Path) -> None:
    sentences = list(json.loads(golden.read_text("utf-8"))["vi"])
    phonemizer = EspeakPhonemizer()
    made = {
        voice: {
            sentence: "".join(
                phoneme for part in phonemizer.phonemize(voice, sentence) for phoneme in part
            )
            for sentence in sentences
        }
        for voice in VOICES
    }
    golden.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", "utf-8")


def make_samples(golden: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in package().items():
            Path(folder, name).write_bytes(content)
        voice = voicepack.load_voice("tests", voice_dir=folder)
    networks = {
        name: (voice.component_tensors(name), voice.component_config(name))
        for name in ("duration", "acoustic", "decoder")
    }
    made = {}
    for number, ids in enumerate(np.array(each) for each in IDS):
        for scale in LENGTH_SCALES:
            frames = models.duration_forward(*networks["duration"], ids, length_scale=scale)
            latents = models.acoustic_forward(*networks["acoustic"], ids, frames)
            made[f"{number} {scale}"] = models.decoder_forward(*networks["decoder"], latents)
    np.savez_compressed(golden, **made, **{f"ids {i}": ids for i, ids in enumerate(IDS)})


if __name__ == "__main__":
    main()
