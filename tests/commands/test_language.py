"""The messages that commands have in two languages."""

import string

import pytest

from wyoming_vietts.commands import language


@pytest.mark.parametrize(("english", "vietnamese"), language._VIETNAMESE.items())
def test_both_languages_name_the_same_values(english: str, vietnamese: str) -> None:
    english_names, vietnamese_names = (
        {name for _, name, _, _ in string.Formatter().parse(text) if name}
        for text in (english, vietnamese)
    )
    assert english_names == vietnamese_names
