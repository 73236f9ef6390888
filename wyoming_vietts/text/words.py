"""Abbreviations, acronyms, foreign words, and text in capitals."""

import re
from functools import cache

from .characters import LETTERS, UPPER, VIETNAMESE_VOWELS
from .context import word_before
from .lexicon import Lexicon
from .tables import any_of, read_table

_BEFORE = rf"(?<![{LETTERS}\d])"
_AFTER = rf"(?![{LETTERS}])"

_LETTER_NAMES = {
    "a": "a", "b": "bê", "c": "xê", "d": "đê", "e": "e", "f": "ép", "g": "gờ", "h": "hát",
    "i": "i", "j": "gi", "k": "ca", "l": "lờ", "m": "mờ", "n": "nờ", "o": "ô", "p": "pê",
    "q": "quy", "r": "rờ", "s": "ét", "t": "tê", "u": "u", "v": "vê", "w": "vê kép", "x": "ích",
    "y": "y", "z": "dét", "đ": "đê", "ă": "á", "â": "ớ",
}  # fmt: skip


def spell(letters: str) -> str:
    """Return the Vietnamese names of the letters."""
    return " ".join(_LETTER_NAMES.get(letter, letter) for letter in letters.lower())


# --- Text in capitals ---------------------------------------------------------------------------

_CAPITAL_WORD = re.compile(rf"{_BEFORE}[{UPPER}]{{2,}}{_AFTER}")
_CAPITAL_RUN = re.compile(rf"{_CAPITAL_WORD.pattern}(?:[ ,]{{1,2}}[{UPPER}]{{2,}}{_AFTER})*")
_ANY_WORD = re.compile(rf"[{LETTERS}]{{2,}}")
_MARKED = "".join(vowel for vowel in VIETNAMESE_VOWELS.upper() if vowel not in "AEIOUY")
_MARKED_VOWEL = re.compile(f"[{_MARKED}]")
_SYLLABLE = re.compile(
    r"(?:NGH|NG|NH|GH|GI|CH|KH|PH|QU|TH|TR|[BCDĐGHKLMNPRSTVX])?"
    rf"[{VIETNAMESE_VOWELS.upper()}]{{1,3}}(?:NG|NH|CH|[CMNPT])?"
)


def lower_capital_text(text: str) -> str:
    """Return the text with words in capitals in lower case, unless they are acronyms.

    Words with a marked vowel, their neighbours and long texts in capitals are not acronyms.
    """
    capitals = _CAPITAL_WORD.findall(text)
    if not capitals:
        return text
    is_capital_text = len(capitals) > 3 and 4 * len(capitals) >= 3 * len(_ANY_WORD.findall(text))

    def lower_run(run: re.Match[str]) -> str:
        is_prose = is_capital_text or _MARKED_VOWEL.search(run[0]) is not None
        return _CAPITAL_WORD.sub(lambda word: _lower_word(word[0], is_prose), run[0])

    return _CAPITAL_RUN.sub(lower_run, text)


def _lower_word(word: str, is_prose: bool) -> str:
    if word in _listed_capitals():
        return word
    is_word = _SYLLABLE.fullmatch(word) or len(word) > 4 or _MARKED_VOWEL.search(word)
    return word.lower() if is_prose and is_word else word


@cache
def _listed_capitals() -> frozenset[str]:
    tables = ("acronyms.txt", "abbreviations.txt", "titles.txt")
    return frozenset(written for table in tables for written in read_table(table))


# --- Abbreviations ------------------------------------------------------------------------------


@cache
def _titles() -> re.Pattern[str]:
    name = rf"(?=[ ]?[{UPPER}])"
    return re.compile(rf"{_BEFORE}({any_of(read_table('titles.txt'))})(?:\. ?| ){name}")


@cache
def _abbreviations() -> re.Pattern[str]:
    # After a number `TB` and `TM` are units.
    return re.compile(
        rf"(?<!\d ){_BEFORE}{any_of(read_table('abbreviations.txt'))}"
        rf"(?![{LETTERS}\d]|-[A-Z][a-z])"  # TP-Link
    )


_WARD = re.compile(
    rf"{_BEFORE}(P|Q|F(?=\.))(?:\. ?|(?=\d))(?=\d{{1,2}}(?!\w))"
    rf"|{_BEFORE}([PFQHX]|TX|TT|Đ)\. ?(?=[{UPPER}][^\W_])"
)
_DISTRICTS = {
    "P": "phường", "F": "phường", "Q": "quận", "H": "huyện", "X": "xã", "TX": "thị xã",
    "TT": "thị trấn", "Đ": "đường",
}  # fmt: skip
_INITIALS = re.compile(rf"(?<![\w.])[{UPPER}]\.[{UPPER}]\. ?(?=[{UPPER}][^\W\d_])")
_ROOM = re.compile(r"(?<!\w)P(?:\. ?)?(?=\d{3,4}(?!\w))")
_PAGE = re.compile(r"(?<![\w.])([Tt])r\. ?(?=\d)")
_DIRECTION = re.compile(
    r"((?:[Hh]ướng|[Gg]ió|[Pp]hía)(?: gió)?:? )"
    r"(ĐB|ĐN|TB|TN|Đ|T|B|N)(?:-(ĐB|ĐN|TB|TN|Đ|T|B|N))?(?!\w)"
)
_DIRECTIONS = {"Đ": "đông", "T": "tây", "N": "nam", "B": "bắc"}
_BEDROOMS = re.compile(r"(?<![\w.,])(\d{1,2}) ?PN(?: ?[-,]? ?(\d{1,2}) ?(?:WC|VS|TL))?(?!\w)")
_CENTURY = re.compile(r"(?<!\w)TK\.? ?(?=[IVX]{1,5}(?!\w))")
_QUARTER = re.compile(r"(?<!\w)Q([1-4])[/ -]([12]\d{3})(?!\w)")
_NIGHTS = re.compile(r"(?<!\w)(\d{1,2})N(\d{1,2})Đ(?!\w)")


def expand_abbreviations(text: str) -> str:
    """Write out abbreviations: `TP.HCM`, `GS.TS`, `P.5`, `v.v.`."""
    text = _NIGHTS.sub(r"\1 ngày \2 đêm", text)
    text = _ROOM.sub(_read_room, text)
    text = _PAGE.sub(r"\1rang ", text)
    text = _CENTURY.sub("thế kỷ ", text)
    text = _DIRECTION.sub(_read_direction, text)
    text = _BEDROOMS.sub(_read_bedrooms, text)
    text = _QUARTER.sub(r"quý \1/\2", text)
    titles = read_table("titles.txt")
    for _ in range(2):  # "PGS. TS. Nam": one title stands before another
        text = _titles().sub(lambda match: f"{titles[match[1]]} ", text)
    text = _abbreviations().sub(_read_abbreviation, text)
    text = _WARD.sub(lambda match: f"{_DISTRICTS[match[1] or match[2]]} ", text)
    return _INITIALS.sub(lambda match: f"{match[0].replace('.', ' ').rstrip()} ", text)


def _read_abbreviation(match: re.Match[str]) -> str:
    if match[0] in _UNITS_TOO and word_before(match) in _NUMBER_WORDS:
        return read_table("units.txt").get(match[0], match[0])
    return read_table("abbreviations.txt")[match[0]]


_UNITS_TOO = frozenset({"TB", "TM"})
_NUMBER_WORDS = frozenset(
    [
        "một",
        "mốt",
        "hai",
        "ba",
        "bốn",
        "tư",
        "năm",
        "lăm",
        "sáu",
        "bảy",
        "tám",
        "chín",
        "mười",
        "mươi",
        "trăm",
        "nghìn",
    ]
)


def _read_direction(match: re.Match[str]) -> str:
    sides = (" ".join(map(_DIRECTIONS.__getitem__, side)) for side in match.groups()[1:] if side)
    return match[1] + " ".join(sides)


def _read_bedrooms(match: re.Match[str]) -> str:
    return f"{match[1]} phòng ngủ" + (f" {match[2]} nhà vệ sinh" if match[2] else "")


def _read_room(match: re.Match[str]) -> str:
    """`P203` is a room, and `Tapo P100` a model."""
    before = match.string[max(0, match.start() - 20) : match.start()]
    return match[0] if re.search(r"[A-Z][A-Za-z]+ $", before) else "phòng "


# --- Foreign words and acronyms -----------------------------------------------------------------


@cache
def _said_words() -> Lexicon:
    lexicon = Lexicon()
    for written, spoken in read_table("said_words.txt").items():
        lexicon.add(written, spoken)
    return lexicon


@cache
def _acronyms() -> re.Pattern[str]:
    return re.compile(rf"(?<![{LETTERS}]){any_of(read_table('acronyms.txt'))}{_AFTER}")


def say_foreign_words(text: str) -> str:
    """Write foreign words as Vietnamese people say them: `TV` becomes `ti vi`."""
    return _said_words().say(text)


_CAPITALS = re.compile(rf"(?<![{LETTERS}])[{UPPER}]{{2,}}{_AFTER}")
_LONE_LETTER = re.compile(rf"(?<![{LETTERS}])[b-df-hj-np-tv-xzđA-ZĐ]{_AFTER}")
_MAX_SPELLED_LETTERS = 6
_CONSONANT = r"[^AEIOUY\W\d]"
_SAYABLE = re.compile(
    rf"{_CONSONANT}{{0,2}}[AEIOUY]{{1,2}}(?:{_CONSONANT}{{1,2}}[AEIOUY]{{1,2}})+{_CONSONANT}{{0,2}}"
)


def spell_acronyms(text: str) -> str:
    """Read acronyms by their table or letter by letter, and lone letters by their names."""
    table = read_table("acronyms.txt")
    text = _acronyms().sub(lambda match: f" {table[match[0]]} ", text)
    text = _CAPITALS.sub(_spell_capitals, text)
    return _LONE_LETTER.sub(lambda match: f" {spell(match[0])} ", text)


def _spell_capitals(match: re.Match[str]) -> str:
    word = match[0]
    is_word = len(word) > _MAX_SPELLED_LETTERS or (len(word) > 3 and _SAYABLE.fullmatch(word))
    return word.lower() if is_word else f" {spell(word)} "
