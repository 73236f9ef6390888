"""Listens as a person would: which words are understood, and how clean it sounds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import speechmos
import vietasr
from vietasr.ffi import native

from script.speech.sound import RATE, resampled
from script.speech.talk import Answer
from script.speech.words import distance, words

_LEAD_SECONDS, _TAIL_SECONDS = 0.8, 0.4  # of silence, without which the recogniser misses words
_MOS_SECONDS = 9.01
_MOS_OVERALL = (-0.06766283, 1.11546468, 0.04602535)  # polynomial of P.835, as published with it


@dataclass(frozen=True)
class Heard:
    """What was understood of a text."""

    words: int
    wrong: int
    """Words changed, left out or added."""
    wrong_syllables: int
    """The same, whatever the tones."""
    understood: frozenset[int]
    """Places of the words that were understood."""


class Recogniser:
    """Writes down Vietnamese speech."""

    def __init__(self) -> None:
        native.lib.vietasr_set_log_level(4)
        self._pipeline = vietasr.Pipeline.new().add("vietasr").build()

    def write_down(self, answer: Answer) -> str:
        """Return the words that are understood, in small letters."""
        ends = (round(_LEAD_SECONDS * RATE), round(_TAIL_SECONDS * RATE))
        samples = np.pad(resampled(answer), ends)
        pcm = np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16)
        text: str = self._pipeline.transcribe(pcm, RATE).text
        return text

    def listen(self, answer: Answer, text: str) -> Heard:
        """Compare what is understood with what was to be said."""
        understood, said = words(self.write_down(answer)), words(text)
        wrong, matches = distance(said, understood)
        letters, _ = distance([word[0] for word in said], [word[0] for word in understood])
        return Heard(len(said), wrong, letters, frozenset(matches))


class Taste:
    """DNSMOS: how a crowd of listeners would rate the sound, from 1 to 5."""

    def __init__(self) -> None:
        model = Path(speechmos.__file__).with_name("dnsmos_models") / "sig_bak_ovr.onnx"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self._session = onnxruntime.InferenceSession(str(model), options)

    def rate(self, answer: Answer) -> float:
        """The overall rating of an answer, which is repeated until it is long enough."""
        samples = resampled(answer).clip(-1, 1)
        length = round(_MOS_SECONDS * RATE)
        samples = np.tile(samples, -(-length // len(samples)))[:length]
        ((_, _, overall),) = self._session.run(None, {"input_1": samples[None]})[0]
        return float(np.polyval(_MOS_OVERALL, overall))
