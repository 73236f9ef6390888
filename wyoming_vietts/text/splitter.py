"""Growing text in, whole written sentences out.

The splitter reads one character at a time and decides from what it has read, never from how the
text was cut into pieces. So every way of cutting it gives the same sentences.
"""

import re
import unicodedata
from functools import cache

from .lexicon import Lexicon
from .markup import REASONING
from .tables import read_table

MAX_SENTENCE_CHARACTERS = 250
MIN_FIRST_CLAUSE_CHARACTERS = 40
_MIN_CLAUSE_CHARACTERS = 60
_MAX_MARKS_ON_A_LETTER = 3

_MARKS = frozenset(".!?…。！？")
_CLAUSE_MARKS = frozenset(",;:")
_LINE_ENDS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")

CODE = "Đoạn mã."
"""Said instead of program code, which nobody wants to hear."""
_INITIALS = re.compile(r"[^\W\d_]\.[^\W\d_]")
_PERSON_BEFORE = re.compile(r"(?i:gặp|gọi|cho|của|nhờ|báo|hỏi|lh:?) [AC]\.$")
_ENTITY = re.compile(r"&\w{1,12};$")
_FACTORIAL = re.compile(r"\d!$")
_FENCE = re.compile(r"(?:```|~~~)[^`\s]{0,32}")

# Words of no table whose full stop ends no sentence.
_OPEN_WORDS = frozenset((
    "p", "q", "f", "st", "th", "cn", "ncs", "lm", "ô", "ông", "đc", "đ/c", "đt", "sđt", "tel", "vd",
    "tr", "no", "số", "vs", "thpt", "thcs", "sn", "kp", "lh", "stt", "tdp", "gđ", "đ",
))  # fmt: skip
# Letters that are words of their own in names and lists ("vitamin C.") may end a sentence; these,
# as capitals, are "phường", "quận", "huyện" and "xã".
_OPEN_LETTERS = frozenset("PQHX")


class SentenceSplitter:
    """Cuts growing text into written sentences, each returned as soon as its end is certain.

    A sentence ends at `.`, `!`, `?` or `…` before a space, at a line end, and where it exceeds
    `MAX_SENTENCE_CHARACTERS`. The first sentence of a text also ends at a clause mark after
    `MIN_FIRST_CLAUSE_CHARACTERS`, so that speech starts early. Runs of spaces become one space.
    A block of code is announced and left out.
    """

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        """Begin a text.

        Args:
            lexicon: a full stop inside one of its written forms (`Bql. Tòa`) ends no sentence.
        """
        self._own_words = lexicon.open_words if lexicon else frozenset()
        self._open_words = _open_words() | self._own_words
        self._reset()

    def _reset(self) -> None:
        self._sentence = ""
        self._is_first = True
        self._after_mark = False  # the sentence ends in marks, perhaps with closing quotes
        self._is_in_code = False  # between two lines of ``` or ~~~
        self._end_of_reasoning = ""  # "</think>" after "<think>"

    def add(self, piece: str) -> list[str]:
        """Take the next piece of the text and return the sentences that it completed."""
        sentences: list[str] = []
        for character in piece:
            self._read(character, sentences)
        return sentences

    def finish(self) -> list[str]:
        """Return what is left as the last sentence, and start over."""
        sentences: list[str] = []
        if not self._end_of_reasoning:
            self._end_sentence(sentences)
        self._reset()
        return sentences

    def _read(self, character: str, sentences: list[str]) -> None:
        if self._end_of_reasoning:
            self._read_reasoning(character)
        elif character in _LINE_ENDS:
            self._end_sentence(sentences)
        elif character.isspace():
            self._read_space(sentences)
        else:
            self._read_visible(character, sentences)

    def _read_reasoning(self, character: str) -> None:
        """Drop the thoughts of a model; `_sentence` holds their last letters."""
        end = self._end_of_reasoning
        self._sentence = (self._sentence + character.lower())[-len(end) :]
        if self._sentence == end:
            self._sentence = self._end_of_reasoning = ""

    def _begin_reasoning(self, sentences: list[str]) -> None:
        """End the sentence before `<think>`, if that is what it ends in."""
        tag = self._sentence[self._sentence.rfind("<") :]
        if tag[1:-1].lower() in REASONING:
            self._sentence = self._sentence[: -len(tag)]
            self._end_sentence(sentences)
            self._end_of_reasoning = f"</{tag[1:].lower()}"

    def _read_space(self, sentences: list[str]) -> None:
        sentence = self._sentence
        if not sentence or sentence[-1] == " ":
            return
        if (self._after_mark and not self._is_open(sentence)) or (
            self._is_first and _is_long_clause(sentence)
        ):
            self._end_sentence(sentences)
        else:
            self._append(" ", sentences)

    def _read_visible(self, character: str, sentences: list[str]) -> None:
        if self._after_mark:
            if self._sentence[-1] == " ":
                if self._ends_before(self._sentence.rstrip(), character):
                    self._end_sentence(sentences)
                self._after_mark = False
            elif character.isalnum():
                if character.isupper() and _ends_without_space(self._sentence):
                    self._end_sentence(sentences)
                self._after_mark = False
            elif character in _CLAUSE_MARKS:
                self._after_mark = False
        if character in _MARKS and not self._sentence.endswith("<"):  # no mark in <!-- ... -->
            self._after_mark = True
        self._append(character, sentences)
        if character == ">":
            self._begin_reasoning(sentences)

    def _append(self, character: str, sentences: list[str]) -> None:
        self._sentence += character
        if len(self._sentence) < MAX_SENTENCE_CHARACTERS:
            return
        if self._after_mark:
            self._end_sentence(sentences)
            return
        cut = _best_cut(self._sentence)
        rest = self._sentence[cut:].lstrip()
        self._sentence = self._sentence[:cut]
        self._end_sentence(sentences)
        self._sentence = rest

    def _end_sentence(self, sentences: list[str]) -> None:
        sentence = self._sentence.strip()
        if _FENCE.fullmatch(sentence):
            self._is_in_code = not self._is_in_code
            sentence = CODE if self._is_in_code else ""
        elif self._is_in_code:
            sentence = ""
        if sentence:
            sentences.append(sentence)
            self._is_first = False
        self._sentence = ""
        self._after_mark = False

    def _is_open(self, sentence: str) -> bool:
        """Tell whether the character after the space decides if the sentence ends here."""
        if not _has_only_a_full_stop(sentence):
            return (
                "…" in sentence[-4:]
                or ".." in sentence[-5:]
                or _FACTORIAL.search(sentence) is not None
            )
        word = _last_word(sentence)
        return (
            "." in word
            or len(word) == 1
            or word.casefold() in self._open_words
            or word in read_table("abbreviations.txt")
            or _is_list_marker(sentence)
        )

    def _ends_before(self, sentence: str, following: str) -> bool:
        """Tell whether a sentence that `_is_open` ends before this next visible character."""
        if not _has_only_a_full_stop(sentence):
            if _FACTORIAL.search(sentence):
                return not (following.islower() or following in "=+*/×÷-")
            return not (following.islower() or following.isdigit())
        word = _last_word(sentence)
        last_part = word.rsplit(".", 1)[-1].casefold()
        if _is_list_marker(sentence) or word.casefold() in self._own_words:
            return False
        if len(word) > 1 and (
            word.casefold() in self._open_words or last_part in {"ts", "s", "hcm"}
        ):
            return last_part == "hcm" and following.isupper()
        return not (
            following.islower()
            or (word in _OPEN_LETTERS and (following.isupper() or following.isdigit()))
            or (word == "Đ" and following.isdigit())  # Đ. 3/2
            or (word.isupper() and _INITIALS.fullmatch(word))
            or (word in ("A", "C") and _PERSON_BEFORE.search(sentence))
            or (len(word) == 1 and word.isupper() and self._follows_an_initial(sentence, word))
        )

    def _follows_an_initial(self, sentence: str, word: str) -> bool:
        """Tell whether the capital starts the sentence or follows an initial or a title."""
        before = sentence[: sentence.rfind(word)].rstrip()
        if not before.strip("\"'“”‘’«»()[]{}*_~`"):
            return True
        previous = before.rsplit(" ", 1)[-1]
        stem = previous.rstrip(".").casefold()
        return previous.endswith(".") and (len(stem) == 1 or stem in self._open_words)


@cache
def _open_words() -> frozenset[str]:
    """Titles, and other words whose full stop ends no sentence, in lower case."""
    parts = (part for title in read_table("titles.txt") for part in (title, title.split(" ")[-1]))
    return _OPEN_WORDS | {part.casefold() for part in parts}


def split_sentences(text: str, lexicon: Lexicon | None = None) -> list[str]:
    """Return the written sentences of a whole text."""
    splitter = SentenceSplitter(lexicon)
    return splitter.add(text) + splitter.finish()


def _last_word(sentence: str) -> str:
    """Return the last word, with full stops inside it but without marks and quotes around it."""
    word = sentence.rsplit(" ", 1)[-1]
    return word.strip("\"'“”‘’«»()[]{}*_~`.!?…。！？")


def _is_list_marker(sentence: str) -> bool:
    """Tell whether the sentence so far is only a list marker such as `1.`, `a.` or `**2.`"""
    marker = sentence.strip("*_#>-+•–()[] ")
    body = marker[:-1]
    return marker.endswith(".") and (
        (body.isdecimal() and len(body) <= 3) or (len(body) == 1 and body.isalpha())
    )


def _has_only_a_full_stop(sentence: str) -> bool:
    """Tell whether the sentence ends in one full stop and not in `!`, `?` or an ellipsis."""
    tail = sentence.rsplit(" ", 1)[-1]
    return not any(mark in tail for mark in "!?…。！？") and ".." not in tail


def _ends_without_space(sentence: str) -> bool:
    """Tell whether `Xong!Tiếp` may be cut: after `!` or `?`, but not inside an address."""
    word = sentence.rsplit(" ", 1)[-1]
    return "://" not in word and "@" not in word and any(mark in word[-3:] for mark in "!?！？")


def _is_long_clause(sentence: str) -> bool:
    """Tell whether the first sentence may be cut here, after a clause mark outside quotes.

    What stands before a colon says what comes after it is: a telephone number, a date, a score.
    """
    return (
        len(sentence) >= MIN_FIRST_CLAUSE_CHARACTERS
        and sentence[-1] in ",;"
        and not _ENTITY.search(sentence)
        and sentence.count("(") <= sentence.count(")")
        and sentence.count("“") <= sentence.count("”")
        and sentence.count('"') % 2 == 0
    )


def _best_cut(sentence: str) -> int:
    """Return where to cut an over-long sentence: clause mark, else space, else anywhere."""
    clause = max(sentence.rfind(mark + " ") for mark in _CLAUSE_MARKS) + 1
    if clause >= _MIN_CLAUSE_CHARACTERS:
        return clause
    space = sentence.rfind(" ", 0, len(sentence) - 1)
    if space > 0:
        return space
    cut = len(sentence) - 1
    for _ in range(_MAX_MARKS_ON_A_LETTER):
        cut -= unicodedata.combining(sentence[cut]) != 0
    return cut
