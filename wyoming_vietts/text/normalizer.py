"""The way from written to spoken, step by step."""

from .characters import fold_characters, keep_speakable
from .dates import read_dates_and_times
from .lexicon import Lexicon
from .markup import strip_markup
from .quantities import read_numbers, read_quantities
from .words import expand_abbreviations, say_foreign_words, spell_acronyms

_STEPS = (
    read_dates_and_times,
    expand_abbreviations,
    read_quantities,
    say_foreign_words,
    spell_acronyms,
    read_numbers,
)


def speakable(text: str, lexicon: Lexicon | None = None) -> str:
    """Return what is spoken of a written text: letters, single spaces and `.,;:!?`, or ""."""
    text = strip_markup(fold_characters(text))
    if lexicon is not None:
        text = lexicon.protect(text)
    for step in _STEPS:
        text = step(text)
    if lexicon is not None:
        text = lexicon.restore(text)
    return keep_speakable(text)
