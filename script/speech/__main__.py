"""Lets a recogniser and other judges listen to voices, and prints what they heard.

    script/check_speech 'VOICE [FLAGS] [--set KEY=VALUE]'

A voice speaks through a server of its own, which gets the flags. Several are compared side by side:

    script/check_speech --compare espeak-north-male \\
        'vi_VN-vais1000-tiny --piper-dir models/piper --speed 1.5'

--set changes a value of the .toml beside a voice; `steps` are those of VietTTS's flow. VieNeu takes
16 steps with --quality exact, and 8 with fast.

--convert DIR compares the presets of the engines that clone: the recordings of DIR become voices,
speak the sentences and the words of their recordings (as the recogniser writes them down), and
VietTTS also converts each recording into its own voice. The speaker encoder of the engine tells how
alike a voice and its recording are; "likeness of two recordings" is that of two different people:

    script/check_speech --part 1/4 --convert RECORDINGS \\
        --compare 'vietts --model-dir models/viet-tts' 'vieneu --vieneu-dir models/vieneu'

If you have the weights of these models, please open an issue with the whole table and the command,
the name of the processor, and whether the machine was busy. Attach no recordings.
"""

import argparse
import sys
import tomllib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from script.speech.ears import Recogniser, Taste
from script.speech.figures import FORMATS, Figures, judge, longest, seams, sounds, words
from script.speech.presets import compare_presets
from script.speech.sound import measure
from script.speech.talk import Speaker, hear

SENTENCES = Path(__file__).with_name("sentences.txt")
_PAIRS = 8  # of sentences, spoken as one text and as two paragraphs


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="script/check_speech",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("voice", nargs="?", metavar="VOICE")
    parser.add_argument("--compare", nargs="+", default=[], metavar="VOICE",
        help="voices to compare")  # fmt: skip
    parser.add_argument("--part", default="1/1", metavar="N/M",
        help="only every M-th of the sentences, from the N-th on")  # fmt: skip
    parser.add_argument("--bounds", type=Path, metavar="FILE",
        help="fail where a figure is out of its range: TOML, figure = [least, most]")  # fmt: skip
    parser.add_argument("--convert", type=Path, metavar="DIR",
        help="compare the presets of engines that clone, with the recordings of DIR")  # fmt: skip
    options = parser.parse_args()
    voices = [*filter(None, [options.voice]), *options.compare]
    if not voices:
        parser.error("name a VOICE, or several after --compare")
    number, parts = map(int, options.part.split("/"))
    texts = SENTENCES.read_text().splitlines()[number - 1 :: parts]
    recogniser, taste = Recogniser(), Taste()
    if options.convert:
        columns = dict(
            column
            for engine in map(Speaker.parse, voices)
            for column in compare_presets(engine, options.convert, texts, recogniser, taste)
        )
    else:
        columns = {voice: check(voice, texts, recogniser, taste) for voice in voices}
    print_table(f"{len(texts)} sentences", columns)
    if options.bounds:
        fail_outside(tomllib.loads(options.bounds.read_text()), columns)


def print_table(title: str, columns: dict[str, Figures]) -> None:
    """Print a row for each figure that anybody has."""
    print(f"| {title} | {' | '.join(columns)} |")
    print(f"| --- |{' --- |' * len(columns)}")
    for name, (what, form) in FORMATS.items():
        cells = [form.format(row[name]) if name in row else "" for row in columns.values()]
        if any(cells):
            print(f"| {what} | {' | '.join(cells)} |")


def check(voice: str, texts: Sequence[str], recogniser: Recogniser, taste: Taste) -> Figures:
    """Let a voice speak all sentences, and pairs of them."""
    pairs = [*pairwise(texts[: _PAIRS + 1])]
    spoken = [*texts, *map(" ".join, pairs), *map("\n\n".join, pairs)]
    answers, memory = hear(Speaker.parse(voice), spoken)
    judged = [
        judge(text, answer, recogniser, taste) for text, answer in zip(texts, answers, strict=False)
    ]
    joined = [measure(answer) for answer in answers[len(texts) :]]
    heard = [
        recogniser.listen(answer, text)
        for text, answer in zip(spoken[len(texts) :], answers[len(texts) :], strict=True)
    ]
    return {
        **words(judged),
        **sounds(judged),
        "seam_wrong": seams(heard, [first for first, _ in pairs] * 2),
        "stop_ms": 1000 * median(longest(sound) for sound in joined[: len(pairs)]),
        "paragraph_ms": 1000 * median(longest(sound) for sound in joined[len(pairs) :]),
        "memory": memory,
    }


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
