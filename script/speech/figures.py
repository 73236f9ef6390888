"""The figures of what a voice has said, and how they are printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev
from typing import TYPE_CHECKING

from script.speech.sound import Sound, measure
from script.speech.talk import Answer
from script.speech.words import words as split

if TYPE_CHECKING:
    from script.speech.ears import Heard, Recogniser, Taste

_LONGEST_PAUSE_SECONDS = 0.8  # what is over it is dead air


@dataclass(frozen=True)
class Judged:
    """One sentence, as it was heard."""

    text: str
    answer: Answer
    sound: Sound
    heard: "Heard"
    rating: float


def judge(text: str, answer: Answer, recogniser: "Recogniser", taste: "Taste") -> Judged:
    """Let the judges hear a sentence."""
    heard = recogniser.listen(answer, text)
    return Judged(text, answer, measure(answer), heard, taste.rate(answer))


Figures = dict[str, float]

FORMATS: dict[str, tuple[str, str]] = {
    "words_wrong": ("words wrong", "{:.1f} %"),
    "syllables_wrong": ("syllables wrong, whatever their tone", "{:.1f} %"),
    "first_wrong": ("first words wrong", "{:.0f} %"),
    "last_wrong": ("last words wrong", "{:.0f} %"),
    "inner_wrong": ("words between them wrong", "{:.0f} %"),
    "seam_wrong": ("words wrong where two sentences meet", "{:.0f} %"),
    "likeness": ("likeness to the recording, at most 1", "{:.3f}"),
    "strangers": ("likeness of two recordings", "{:.3f}"),
    "converted_wrong": ("words wrong in a converted recording", "{:.1f} %"),
    "converted_likeness": ("its likeness to the recording", "{:.3f}"),
    "dnsmos": ("DNSMOS, 1 to 5", "{:.2f}"),
    "lufs": ("loudness", "{:.1f} LUFS"),
    "lufs_spread": ("its standard deviation", "{:.1f} LU"),
    "peak": ("highest peak", "{:.1f} dBFS"),
    "lead_ms": ("silence before", "{:.0f} ms"),
    "tail_ms": ("silence after", "{:.0f} ms"),
    "comma_ms": ("pause at a comma", "{:.0f} ms"),
    "stop_ms": ("pause at a full stop", "{:.0f} ms"),
    "paragraph_ms": ("pause between paragraphs", "{:.0f} ms"),
    "inner_ms": ("longest pause without a mark", "{:.0f} ms"),
    "dead_air": ("dead air", "{:.1f} s"),
    "clicks": ("clicks", "{:.0f}"),
    "rate": ("syllables a second", "{:.2f}"),
    "rtf": ("real-time factor", "{:.4f}"),
    "first_audio_ms": ("first audio", "{:.1f} ms"),
    "memory": ("peak memory", "{:.0f} MiB"),
}
"""Figures by their names in a file of bounds; how they are printed."""


def words(judged: Sequence[Judged]) -> Figures:
    """Count what was understood."""
    heard = [each.heard for each in judged]
    count = sum(each.words for each in heard)
    inner = [at in each.understood for each in heard for at in range(1, each.words - 1)]
    return {
        "words_wrong": 100 * sum(each.wrong for each in heard) / count,
        "syllables_wrong": 100 * sum(each.wrong_syllables for each in heard) / count,
        "first_wrong": 100 * fmean(0 not in each.understood for each in heard),
        "last_wrong": 100 * fmean(each.words - 1 not in each.understood for each in heard),
        "inner_wrong": 100 - 100 * fmean(inner or [True]),
    }


def seams(heard: Sequence["Heard"], first_sentences: Sequence[str]) -> float:
    """Return the percentage of the words beside the end of a first sentence that are wrong."""
    ends = [len(split(text)) for text in first_sentences]
    return 100 * fmean(
        at not in each.understood
        for each, end in zip(heard, ends, strict=True)
        for at in (end - 1, end)
    )


def sounds(judged: Sequence[Judged]) -> Figures:
    """Measure what was heard."""
    seconds = sum(each.answer.seconds for each in judged)
    pauses = [pause for each in judged for pause in each.sound.pauses]
    return {
        "dnsmos": fmean(each.rating for each in judged),
        "lufs": fmean(each.sound.lufs for each in judged),
        "lufs_spread": pstdev(each.sound.lufs for each in judged),
        "peak": max(each.sound.peak for each in judged),
        "lead_ms": 1000 * median(each.sound.lead_seconds for each in judged),
        "tail_ms": 1000 * median(each.sound.tail_seconds for each in judged),
        "comma_ms": 1000 * median(_pauses(judged, commas=1) or [0.0]),
        "inner_ms": 1000 * max(_pauses(judged, commas=0) or [0.0]),
        "dead_air": sum(max(0.0, pause - _LONGEST_PAUSE_SECONDS) for pause in pauses),
        "clicks": sum(each.sound.clicks for each in judged),
        "rate": sum(each.heard.words for each in judged)
        / sum(each.sound.spoken_seconds for each in judged),
        "rtf": sum(each.answer.total_seconds for each in judged) / seconds,
        "first_audio_ms": 1000 * median(each.answer.first_seconds for each in judged),
    }


def longest(sound: Sound) -> float:
    """The longest pause within an answer, in seconds."""
    return max(sound.pauses, default=0.0)


def _pauses(judged: Sequence[Judged], commas: int) -> list[float]:
    """The longest pause of each sentence with so many commas."""
    return [longest(each.sound) for each in judged if each.text.count(",") == commas]
