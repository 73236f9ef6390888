"""Spoken sentences that are too long for an engine, cut at their natural joints.

What is written is cut by the splitter; but a telephone number of ten digits is spoken with forty
letters, and an engine's work follows what is spoken.
"""

import re

MAX_SPOKEN_CHARACTERS = 200
_MIN_PIECE_CHARACTERS = 60

_JOINT = re.compile(r"[.!?;:,] ")


def cut_spoken(spoken: str) -> list[str]:
    """Cut a speakable sentence into pieces of at most `MAX_SPOKEN_CHARACTERS`.

    A piece ends at the last pause mark that leaves at least 60 characters before it, else at a
    space, and in the middle of a word that is longer than a piece.
    """
    pieces = []
    while len(spoken) > MAX_SPOKEN_CHARACTERS:
        joints = [joint.end() for joint in _JOINT.finditer(spoken, 0, MAX_SPOKEN_CHARACTERS)]
        cut = joints[-1] if joints else 0
        if cut < _MIN_PIECE_CHARACTERS:
            cut = spoken.rfind(" ", 1, MAX_SPOKEN_CHARACTERS) + 1 or MAX_SPOKEN_CHARACTERS
        pieces.append(spoken[:cut].rstrip())
        spoken = spoken[cut:].lstrip()
    return [*pieces, spoken]
