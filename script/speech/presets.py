"""Compares the presets of engines that clone: how well, how alike and how fast they speak."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from script.speech.figures import Figures, judge, sounds, words
from script.speech.sound import resampled
from script.speech.talk import Answer, Floats, Speaker, convert, hear, read
from wyoming_vietts.engines.vieneu.bands import speaker_bands
from wyoming_vietts.engines.vieneu.cloning import SUFFIX
from wyoming_vietts.recordings.decoding import SUFFIXES

if TYPE_CHECKING:
    from script.speech.ears import Recogniser, Taste

PRESETS = ("exact", "balanced", "fast")


@dataclass(frozen=True)
class _Engine:
    flag: str
    """Names the folder of the model."""
    speaker_encoder: str
    """File in it: bands [1, n, 80] -> embedding [1, E]."""
    suffix: str = ""
    """Of a voice's name, after that of its recording."""
    converts: bool = False
    """Whether it says the words of a recording in another voice."""


_ENGINES = {
    "vietts": _Engine("--model-dir", "speech_embedding.onnx", converts=True),
    "vieneu": _Engine("--vieneu-dir", "speaker_encoder.onnx", SUFFIX),
}


class SpeakerEncoder:
    """Tells how alike two voices are, by the network with which an engine knows a speaker."""

    def __init__(self, path: Path) -> None:
        self._session = onnxruntime.InferenceSession(str(path))
        self._input = self._session.get_inputs()[0].name

    def likeness(self, one: Answer, other: Answer) -> float:
        """Return the cosine of the angle between the embeddings of two voices."""
        return float(self._embedding(one) @ self._embedding(other))

    def _embedding(self, answer: Answer) -> Floats:
        bands = speaker_bands(resampled(answer))[None]
        embedding: Floats = self._session.run(None, {self._input: bands})[0].reshape(-1)
        return embedding / np.linalg.norm(embedding)


def compare_presets(
    engine: Speaker,
    recordings: Path,
    texts: Sequence[str],
    recogniser: "Recogniser",
    taste: "Taste",
    presets: Sequence[str] = PRESETS,
) -> Iterator[tuple[str, Figures]]:
    """Let the voices of recordings speak texts, and the words of their recordings.

    Args:
        engine: `vietts` or `vieneu`, in the place of a voice; with the flag of its model.
        recordings: a folder of files `<voice>.wav` or of other formats.

    Yields:
        For each preset, its name and its figures.
    """
    if engine.voice not in _ENGINES:
        sys.exit(f"--convert needs {' or '.join(_ENGINES)}, with flags, in place of {engine.voice}")
    what = _ENGINES[engine.voice]
    encoder = SpeakerEncoder(engine.folder(what.flag) / what.speaker_encoder)
    originals = {path: read(path) for path in sorted(recordings.iterdir()) if _is_audio(path)}
    if not originals:
        sys.exit(f"{recordings} has no recordings")
    own_words = {path: recogniser.write_down(answer) for path, answer in originals.items()}
    strangers = [encoder.likeness(*pair) for pair in combinations(originals.values(), 2)]
    for preset in presets:
        flags = (*engine.flags, "--voices-dir", str(recordings), "--quality", preset)
        speaker = replace(engine, flags=("--engine", engine.voice, *flags))
        judged, memory, likeness = [], 0.0, []
        converted: list[tuple[Answer, Path]] = []
        for path, original in originals.items():
            voice = path.stem + what.suffix
            spoken = [text for text in (*texts, own_words[path]) if text]
            answers, most = hear(replace(speaker, voice=voice), spoken)
            judged += [
                judge(text, answer, recogniser, taste)
                for text, answer in zip(spoken, answers, strict=True)
            ]
            memory = max(memory, most)
            likeness += [encoder.likeness(original, answer) for answer in answers]
            if what.converts:
                converted.append((convert(path, voice, flags), path))
        figures = {
            **words(judged),
            **sounds(judged),
            "likeness": fmean(likeness),
            "memory": memory,
        }
        if strangers:
            figures["strangers"] = fmean(strangers)
        if converted:
            heard = [recogniser.listen(answer, own_words[path]) for answer, path in converted]
            figures |= {
                "converted_wrong": 100
                * sum(each.wrong for each in heard)
                / max(1, sum(each.words for each in heard)),
                "converted_likeness": fmean(
                    encoder.likeness(answer, originals[path]) for answer, path in converted
                ),
            }
        yield f"{engine.voice} {preset}", figures


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES
