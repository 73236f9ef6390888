"""Write tests/engines/piper/golden/phonemes.json: what piper-tts makes of sentences."""

import json
from pathlib import Path

from piper.phonemize_espeak import EspeakPhonemizer

GOLDEN = Path(__file__).parents[1] / "tests" / "engines" / "piper" / "golden" / "phonemes.json"
VOICES = ("vi", "vi-vn-x-central", "vi-vn-x-south")


def main() -> None:
    sentences = list(json.loads(GOLDEN.read_text("utf-8"))["vi"])
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
    GOLDEN.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
