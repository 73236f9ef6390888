"""What holds for any text at all."""

import importlib
import inspect
import pkgutil
import re
import time
import unicodedata
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wyoming_vietts import text as text_package
from wyoming_vietts.text import speakable, split_sentences
from wyoming_vietts.text.characters import LETTERS
from wyoming_vietts.text.syllables import is_sayable
from wyoming_vietts.text.tables import read_table

_SPEAKABLE = re.compile(rf"(?:[{LETTERS}](?:[{LETTERS}]|[.,;:!?](?= |$)| (?=[{LETTERS}]))*)?")

_BITS = """
    0 1 2 5 05 10 15 21 25 101 1.005 25,5 3,14 1.234.567 22/11/2026 22-11 T2-T6 CN 7:30 19h45
    8h-17h 1h30p 45' 3/4 24/7 16:9 2-1 -5 °C % km/h m² kWh µg/m³ đ VND $ € k tr đ/kg TP.HCM P.5
    Q. v.v. GS.TS USB VTV1 TV wifi iPhone A4 12A1 XXI thế kỷ chương lần thứ tháng ngày quý số mã
    OTP PIN là gọi 0912345678 +84 1900 30A-123.45 a@b.vn https://a.vn/x 192.168.1.10 v1.2.3 CO2
    PM2.5 ** _ ` # > | - – ... ?! ( ) [ ] " ' “ ” & = >= ± × / ~ ^ → 😀 :) <3 <b> &amp; &#768;
    ``` [a](b) hoà thuý Đèn ĐÈN BẬT x D I ko vs km kg A h g AM PM từ đến và Pa s7
"""
_WRITTEN_BITS = st.sampled_from(_BITS.split())
_WRITTEN = st.lists(
    st.tuples(_WRITTEN_BITS, st.sampled_from(["", " ", "\n", ", ", ". "])), max_size=12
)
_ASSISTANT_TEXT = _WRITTEN.map(lambda bits: "".join(bit + joint for bit, joint in bits))
_ANY_TEXT = st.one_of(
    _ASSISTANT_TEXT, st.text(max_size=60), st.text("0123456789.,-/: hpgTđ%'", max_size=30)
)


@settings(max_examples=600, deadline=None)
@given(_ANY_TEXT)
def test_output_holds_letters_spaces_and_marks_alone(text: str) -> None:
    spoken = speakable(text)
    assert _SPEAKABLE.fullmatch(spoken), spoken
    assert unicodedata.is_normalized("NFC", spoken)


_LETTER_PAIRS = st.sampled_from(["oà", "OÀ", "uý", "Ìa", "IaÌ", "a", "e", "q", "k", "á", "ộ", "Ở"])
_EMPHASIS = st.lists(
    st.tuples(_LETTER_PAIRS, st.integers(0, 3), st.sampled_from(["", " ", "n", "T", "on", "đi"])),
    max_size=4,
).map(lambda parts: "".join(pair + pair[-1] * times + end for pair, times, end in parts))


@settings(max_examples=600, deadline=None)
@given(st.one_of(_ANY_TEXT, _EMPHASIS))
@example("IaÌUU")
@example("AÌAAÌÌ")
@example("aìaaìaa")
@example("hoàaa")
@example("[a](b)BẬT")
@example("iQUÁAA")
@example("aởx")
@example("Đội B thắng, thang máy A bảo trì")
@example("THEPA")
@example("a:on")
@example(",amở")
@example("$3Ở")
@example("qạnh ủqứũ")
@example("uýGS")
def test_speaking_twice_changes_nothing(text: str) -> None:
    spoken = speakable(text)
    assert speakable(spoken) == spoken


_TABLES = ("assistant_replies.tsv", "home_month.tsv", "spoken_forms.tsv")
_NAMES_OF_UNITS = {"bar", "lux"}


def _written_lines() -> list[str]:
    folder = Path(__file__).parent
    lines = [line for name in _TABLES for line in (folder / name).read_text("utf-8").splitlines()]
    return [line.split("\t")[0] for line in lines if "\t" in line]


def _mutated(written: str, random: Random) -> str:
    """Drop, double, swap, replace or insert some characters."""
    characters = list(written)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(characters) + 1)
        stranger = random.choice("0123456789.,-/:%°đĐâêqQwHAx'\"()*#@ \n₫→↑–&+=<>|~^_$")
        match random.randrange(4):
            case 0:
                characters.insert(place, stranger)
            case 1:
                characters[place : place + 1] = []
            case 2:
                characters[place : place + 1] = characters[place : place + 1] * 2
            case _:
                characters[place : place + 2] = reversed(characters[place : place + 2])
    return "".join(characters)


def test_nothing_unspeakable_is_left_of_four_thousand_mutations() -> None:
    """No digit, no sign, and no letters that no Vietnamese can say: `âl`, `qá`, `Hđnd`."""
    random = Random(31)
    lines = _written_lines()
    left = []
    for _ in range(4_000):
        written = _mutated(random.choice(lines), random)
        spoken = speakable(written)
        assert _SPEAKABLE.fullmatch(spoken), (written, spoken)
        words = set(re.findall(rf"[{LETTERS}]+", spoken)) - _NAMES_OF_UNITS
        left += [(word, written) for word in words if not is_sayable(word)]
    assert not left, left[:20]


@pytest.mark.parametrize("written", ["âl", "qá", "Hđnd", "ưđ", "Êbxn", "đươngg"])
def test_letters_that_nobody_can_say_are_spelled_or_mended(written: str) -> None:
    assert all(map(is_sayable, speakable(written).split())), speakable(written)


@given(_ASSISTANT_TEXT)
@settings(deadline=None)
def test_composed_and_decomposed_text_sound_alike(text: str) -> None:
    assert speakable(unicodedata.normalize("NFD", text)) == speakable(
        unicodedata.normalize("NFC", text)
    )


@pytest.mark.parametrize(
    "table", ["abbreviations.txt", "acronyms.txt", "said_words.txt", "titles.txt", "units.txt"]
)
def test_spoken_forms_of_the_tables_are_spoken_as_they_stand(table: str) -> None:
    for written, spoken in read_table(table).items():
        assert speakable(spoken) == spoken, written


_HOSTILE = [
    " ", "1", "0", "a", "A", "Đ", "-", ".", ",", "/", ":", "*", "_", "#", "`", "|", "[", "](",
    "<", "&", "(", '"', "'", "\n", "\n ", "1-2-", "1.", "1,", "1/", "1:", "1 ", "1.234.",
    "22/11/", "7:30-", "8h-", "a@", "a.", "http://", "+84 ", "0912 ", "T2-", "CN ", "XX ", "mã ",
    "mã 1 ", "thứ 2, ", "tỷ số ", "$1", "1đ", "1đ/", "5kg/", "25°C-", "**a", "[a](", "<b ",
    "&amp;", "<|", "- ", "> ", "x2", "2x", "1e", "v1.", "A.", "P. ", "TP.", "ABC ", "ĐÈN ",
    "\u0301", "\u0323\u0302", "\u200b", "😀", "\u0e33", "ﷺ", "½", "1' ", '1" ', "<!--", "<!-- -",
    "1^", "~", "phiên bản ", "a:b:", "A1:", "số ", "12-", "0.", "1 000 ", "=)", "^_", "5 a/",
    "1tr", "113 ", "AB1", "x.", "P.", "thứ ", "tháng 3-", "ngày 1/1 ", "IV ", "a'", ":)", "|a",
    "-" * 500 + "a|", "|" + "-" * 500 + "a\n", "&#1;", "[a", "1 a/b ",
]  # fmt: skip


def _seconds(text: str) -> float:
    start = time.process_time()
    speakable(text)
    split_sentences(text)
    return time.process_time() - start


def test_pile_of_accents_on_one_letter_takes_linear_time() -> None:
    # Putting so many marks into canonical order by insertion would take square time.
    def seconds(marks: int) -> float:
        text = "a" + "\u0302\u0323" * marks
        return min(_seconds(text) for _ in range(3))

    assert seconds(20_000) < 24 * seconds(2_500) + 0.02


@pytest.mark.parametrize("unit", _HOSTILE)
def test_time_grows_with_the_length_alone(unit: str) -> None:
    short, long = unit * (2_500 // len(unit)), unit * (20_000 // len(unit))
    speakable(short)
    best = min(_seconds(short) for _ in range(2))
    # Eight times the length; squared time would be 64 times. A second try only for a busy machine.
    assert any(_seconds(long) < 24 * best + 0.02 for _ in range(2))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Every regular expression of the rules, also those that are made at their first use."""
    patterns = {}
    for module in pkgutil.iter_modules(text_package.__path__, f"{text_package.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if hasattr(value, "cache_info") and not inspect.signature(value).parameters:
                value = value()
            if isinstance(value, re.Pattern):
                patterns[f"{module.name}.{name}"] = value
    return patterns


_PUMPS = (
    "1", "1.", "1,111", "1/1", "1-", "1:1", "a", "A", "A.", "T2-", "x²", "1h", "kg/", "(", "[1",
    "*", " ", "\\frac{1}", "$", "- ", "ngày ", "1 k", "a@a.", "ngày 3 và ", "m²/", "thứ 2, ",
)  # fmt: skip


@pytest.mark.parametrize("name", _patterns())
def test_every_expression_takes_linear_time(name: str) -> None:
    pattern = _patterns()[name]

    def seconds(text: str) -> float:
        start = time.process_time()
        pattern.sub("", text)
        return time.process_time() - start

    for pump in _PUMPS:
        short, long = (pump * (length // len(pump)) for length in (2_500, 20_000))
        if seconds(long) < 0.02:
            continue
        # Eight times the text; whoever takes its square takes 64 times as long.
        best = min(seconds(short) for _ in range(3))
        assert any(seconds(long) < 24 * best + 0.02 for _ in range(5)), pump
