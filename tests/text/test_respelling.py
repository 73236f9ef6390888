"""English words that stand in no table, in Vietnamese syllables."""

from pathlib import Path

import pytest

from wyoming_vietts.text import speakable
from wyoming_vietts.text.lexicon import Lexicon
from wyoming_vietts.text.respelling import respell, respell_foreign_words, split_glued
from wyoming_vietts.text.tables import read_table

_WORDS = Path(__file__).with_name("english_words.tsv")


def test_nine_of_ten_words_are_recognised() -> None:
    lines = [line for line in _WORDS.read_text("utf-8").splitlines() if not line.startswith("#")]
    accepted = {word: forms.split("|") for word, forms in (line.split("\t") for line in lines)}
    assert len(accepted) >= 150
    # By the rules alone, also where a table knows the word.
    wrong = [word for word, forms in accepted.items() if respell(word) not in forms]
    assert len(wrong) <= len(accepted) / 10, wrong


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Panasonic Viera", "pa na sô ních vi ra"),
        ("Galaxy Buds", "ga lắc xi bất"),
        ("living room", "li vinh rum"),
        ("SmartHub", "xì mát háp"),
    ],
)
def test_names_of_devices_sound_like_themselves(written: str, spoken: str) -> None:
    assert speakable(written).lower() == spoken


@pytest.mark.parametrize(
    "written", ["khong", "Nguyen Van Nam", "ngay kia", "Da Nang", "xin chao", "Krông Pắk", "bar"]
)
def test_vietnamese_words_stay(written: str) -> None:
    """Without their marks, too; and names of units."""
    assert respell_foreign_words(written) == written


def test_words_of_the_lexicon_stay() -> None:
    lexicon = Lexicon()
    lexicon.add("viera", "Viera")
    assert speakable("TV Viera", lexicon) == "ti vi Viera"


def test_glued_vietnamese_is_taken_apart_and_english_is_not() -> None:
    assert [*map(split_glued, ("tuoitre", "baomoi", "home", "Campuchia"))] == [
        *("tuoi tre", "bao moi", "home", "Cam pu chia")
    ]


def test_at_least_2600_names_are_in_the_table() -> None:
    assert len(read_table("said_words.txt")) >= 2_600
