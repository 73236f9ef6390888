"""The way from written to spoken, step by step."""

from collections.abc import Callable

from .abbreviations import expand_abbreviations
from .acronyms import say_foreign_words, spell_acronyms
from .algebra import read_algebra
from .capitals import lower_capital_text
from .characters import fold_characters, keep_speakable
from .chat import read_chat_shorthand, read_chat_that_is_left, shorten_drawn_out
from .chemistry import read_formulae
from .dates import read_calendars, read_dates
from .entities import read_entities, read_states
from .identifiers import (
    read_dial_codes,
    read_digit_strings,
    read_flats,
    read_models,
    read_versions,
)
from .labels import read_labels
from .latex import read_latex, read_raised_digits
from .lexicon import Lexicon
from .markup import strip_html, strip_markdown
from .money import read_money, read_ranges_of_money
from .net import read_net_addresses
from .number_lists import read_lotteries, read_number_lists
from .numbers import ANY_DIGIT, read_numbers
from .ordinals import read_fractions, read_ordinals, read_roman_numerals
from .quantities import read_ranges_of_quantities
from .ranges import join_spaced_thousands, read_ranges_and_signs, read_scores
from .respelling import respell_foreign_words
from .short_dates import read_months_and_terminals
from .syllables import read_highland_names, say_marked_words
from .symbols import read_about, read_arithmetic, read_symbols
from .times import read_ages_and_short_hours, read_times
from .travel import read_flights, read_roads
from .units import read_lone_units, read_units

# Each step takes what the earlier ones left: what looks like a number to one is a date to another.
_STEPS: tuple[Callable[[str], str], ...] = (
    read_raised_digits,  # 10⁶
    read_entities,  # light.den_phong_khach
    read_net_addresses,  # name@mail.vn, https://..., 192.168.1.10
    read_roads,  # QL1A, tỉnh lộ 2A
    read_flights,  # VN 7120, SGN-HUI
    read_flats,  # B3-11.02
    read_models,  # 27X5L
    read_formulae,  # CO2, PM2.5
    shorten_drawn_out,  # QUÁAAA
    lower_capital_text,  # ĐÈN PHÒNG KHÁCH
    read_highland_names,  # Ea Súp, H'Mông
    read_chat_shorthand,  # ko, dc, mn
    expand_abbreviations,  # TP.HCM, GS.TS, P.5, v.v.
    read_lotteries,  # G7: 12 - 45 - 07
    read_digit_strings,  # 0912 345 678, mã OTP 123456, 30A-123.45
    read_states,  # on → off, None, ↑8%
    read_algebra,  # y = -x + 3, 2ab, 4!
    read_labels,  # hẻm 25/8/14, lớp 6/2
    read_roman_numerals,  # thế kỷ XXI
    read_ordinals,  # lần thứ 4
    read_about,  # ~25
    read_ages_and_short_hours,  # 85t, 8g-11g
    read_calendars,  # 15/7 ÂL
    read_months_and_terminals,  # T10, từ T6 đến T8
    read_number_lists,  # 12 - 45 - 07
    read_ranges_of_money,  # $5-7k
    read_ranges_of_quantities,  # 8h-17h, 3-5/6, T2-T6, 25°C-27°C
    read_dates,  # 22/11/2026, tháng 11/2026
    read_versions,  # v1.2.3
    read_times,  # 7:30, 19h45, 45'
    join_spaced_thousands,  # 15 000 đ
    read_fractions,  # 3/4
    read_arithmetic,  # 2 x 3, 10^3
    read_scores,  # tỷ số 2-1
    read_ranges_and_signs,  # 25-27, -5
    read_money,  # 15.000đ/kg
    read_units,  # 25°C, 60%
    read_symbols,  # &, >=, /
    read_numbers,  # 1.234, 25,5
    # No digit is left from here on, so normalising spoken text again changes nothing.
    expand_abbreviations,
    read_lone_units,  # "tính bằng kWh"
    say_foreign_words,  # wifi, Living Room TV
    spell_acronyms,  # USB, VTV
    respell_foreign_words,  # Viera
    say_marked_words,  # Êban, âl
    keep_speakable,
    read_chat_that_is_left,  # once more, for what was taken apart
)

_OF_DIGITS = frozenset({
    read_roads, read_flats, read_models, read_formulae, read_lotteries, read_labels,
    read_ordinals, read_about, read_ages_and_short_hours, read_months_and_terminals,
    read_number_lists, read_ranges_of_money, read_ranges_of_quantities, read_versions, read_times,
    join_spaced_thousands, read_fractions, read_scores, read_ranges_and_signs, read_money,
    read_numbers,
})  # fmt: skip
"""Steps that change nothing where no digit is."""


def speakable(text: str, lexicon: Lexicon | None = None) -> str:
    """Return how a written text is spoken, in nothing but letters, single spaces and `.,;:!?`.

    The result is in NFC, starts with a letter, and is "" where there is nothing to say. Words of
    the lexicon win over every rule. Takes linear time and never raises.
    """
    text = strip_markdown(read_dial_codes(fold_characters(read_latex(strip_html(text)))))
    if lexicon is not None:
        text = lexicon.protect(text)
    for step in _STEPS:
        if step not in _OF_DIGITS or ANY_DIGIT.search(text):
            text = step(text)
    if lexicon is not None:
        text = keep_speakable(lexicon.restore(text))
    return text
