"""Lets a recogniser and other judges listen to voices, and prints what they heard.

    script/check_speech 'VOICE [FLAGS] [--set KEY=VALUE]' [...]

Each voice speaks through a server of its own, which gets the flags; several are compared, a column
for each:

    script/check_speech espeak-north-male 'vi_VN-vais1000-tiny --piper-dir models/piper --speed 1.5'

--set changes a value of the .toml beside a voice; `steps` are those of VietTTS's flow. VieNeu takes
16 steps with --quality exact, and 8 with fast.
"""

import argparse
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median, pstdev

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from script.speech.ears import Heard, Recogniser, Taste
from script.speech.sound import Sound, measure
from script.speech.talk import Answer, Speaker, hear

SENTENCES = Path(__file__).with_name("sentences.txt")
_PAIRS = 8  # of sentences, spoken as one text and as two paragraphs
_LONGEST_PAUSE_SECONDS = 0.8  # what is over it is dead air


@dataclass(frozen=True)
class Judged:
    """One sentence, as it was heard."""

    text: str
    answer: Answer
    sound: Sound
    heard: Heard
    rating: float


Figures = dict[str, float]

FORMATS: dict[str, tuple[str, str]] = {
    "words_wrong": ("words wrong", "{:.1f} %"),
    "syllables_wrong": ("syllables wrong, whatever their tone", "{:.1f} %"),
    "first_wrong": ("first words wrong", "{:.0f} %"),
    "last_wrong": ("last words wrong", "{:.0f} %"),
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


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/check_speech",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("voices", nargs="+", metavar="VOICE")
    parser.add_argument("--part", default="1/1", metavar="N/M",
        help="only every M-th of the sentences, from the N-th on")  # fmt: skip
    parser.add_argument("--bounds", type=Path, metavar="FILE",
        help="fail where a figure is out of its range: TOML, figure = [least, most]")  # fmt: skip
    options = parser.parse_args()
    number, parts = map(int, options.part.split("/"))
    texts = SENTENCES.read_text().splitlines()[number - 1 :: parts]
    recogniser, taste = Recogniser(), Taste()
    columns = {voice: check(voice, texts, recogniser, taste) for voice in options.voices}
    print(f"| {len(texts)} sentences | {' | '.join(columns)} |")
    print(f"| --- |{' --- |' * len(columns)}")
    for name, (what, form) in FORMATS.items():
        cells = (form.format(figures[name]) for figures in columns.values())
        print(f"| {what} | {' | '.join(cells)} |")
    if options.bounds:
        fail_outside(tomllib.loads(options.bounds.read_text()), columns)


def check(voice: str, texts: Sequence[str], recogniser: Recogniser, taste: Taste) -> Figures:
    """Let a voice speak all sentences, and pairs of them; return the figures of `FORMATS`."""
    pairs = [*pairwise(texts[: _PAIRS + 1])]
    spoken = [*texts, *map(" ".join, pairs), *map("\n\n".join, pairs)]
    answers, memory = hear(Speaker.parse(voice), spoken)
    judged = [
        Judged(text, answer, measure(answer), recogniser.listen(answer, text), taste.rate(answer))
        for text, answer in zip(texts, answers, strict=False)
    ]
    joined = [measure(answer) for answer in answers[len(texts) :]]
    return {
        **words(judged),
        **sounds(judged),
        "stop_ms": 1000 * median(longest(sound) for sound in joined[: len(pairs)]),
        "paragraph_ms": 1000 * median(longest(sound) for sound in joined[len(pairs) :]),
        "memory": memory,
    }


def words(judged: Sequence[Judged]) -> Figures:
    """Count what was understood."""
    heard = [each.heard for each in judged]
    count = sum(each.words for each in heard)
    return {
        "words_wrong": 100 * sum(each.wrong for each in heard) / count,
        "syllables_wrong": 100 * sum(each.wrong_syllables for each in heard) / count,
        "first_wrong": 100 * fmean(not each.first_is_right for each in heard),
        "last_wrong": 100 * fmean(not each.last_is_right for each in heard),
    }


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


def fail_outside(bounds: dict[str, list[float]], columns: dict[str, Figures]) -> None:
    """End with an error that names each figure out of its range."""
    outside = [
        f"{voice}: {FORMATS[name][0]} is {figures[name]:.4g}, not {least:g} to {most:g}"
        for voice, figures in columns.items()
        for name, (least, most) in bounds.items()
        if not least <= figures[name] <= most
    ]
    if outside:
        sys.exit("\n".join(outside))


if __name__ == "__main__":
    main()
