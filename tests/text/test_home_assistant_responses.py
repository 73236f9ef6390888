"""Everything Home Assistant itself says or hears in Vietnamese goes through clean."""

import json
import re
from importlib import resources
from typing import Any

import pytest

from wyoming_vietts.text import speakable, split_sentences
from wyoming_vietts.text.characters import LETTERS

_SPOKEN = re.compile(rf"[{LETTERS}](?:[{LETTERS}]|[.,;:!?](?= |$)| (?=[{LETTERS}]))*")

# What stands for an expression of a template, the first name that occurs in it decides.
_VALUES = {
    "state_with_unit": ["25,5 °C", "60 %", "1.234 kWh", "35 µg/m³", "1013 hPa", "-2.5 A", "bật"],
    "minute_str": ["05", "45"],
    "hour": ["7", "21"],
    "day": ["22"],
    "month": ["4"],
    "year": ["2026"],
    "temperature": ["26", "25.5"],
    "minutes": ["5", "31"],
    "seconds": ["15"],
    "length": ["3", "21"],
    "num_": ["4"],
    "canceled": ["2"],
    "m_text": ["15 phút"],
    "text": ["1 giờ 30 phút 5 giây"],
    "join": ["Đèn bếp, Living Room TV, Quạt 2"],
    "name": ["Smart Plug 2", "Đèn P.khách"],
    "area": ["phòng khách", "tầng 2"],
    "floor": ["tầng 1"],
}
_EXPRESSION = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_COMMENT_OR_TAG = re.compile(r"\{#.*?#\}|\{%.*?%\}", re.DOTALL)


def _intents() -> dict[str, Any]:
    path = resources.files("home_assistant_intents") / "data" / "vi.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _strings(node: object) -> list[str]:
    if isinstance(node, str):
        return [node]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [string for child in children for string in _strings(child)]


def _filled(template: str, choice: int) -> str:
    def value(match: re.Match[str]) -> str:
        values = next((v for name, v in _VALUES.items() if name in match[1]), ["đèn bàn"])
        return values[choice % len(values)]

    return _EXPRESSION.sub(value, template)


def _response_branches() -> list[str]:
    branches = {
        " ".join(_filled(branch, choice).split())
        for template in _strings(_intents()["responses"])
        for branch in _COMMENT_OR_TAG.split(template)
        for choice in range(7)
    }
    return sorted(branch for branch in branches if re.search(r"\w", branch))


def _command_sentences() -> list[str]:
    sentences = [
        sentence
        for intent in _intents()["intents"].values()
        for data in intent["data"]
        for sentence in data["sentences"]
    ]
    return [
        re.sub(r"\{[^}]*\}", "25", re.sub(r"<[^>]*>", "bật", re.sub(r"[\[\]()|]", " ", sentence)))
        for sentence in sentences
    ]


def test_there_are_enough_templates_to_mean_something() -> None:
    assert len(_response_branches()) > 90
    assert len(_command_sentences()) > 150


@pytest.mark.parametrize("written", _response_branches())
def test_response_leaves_no_digit_or_symbol(written: str) -> None:
    assert _SPOKEN.fullmatch(speakable(written)), speakable(written)


@pytest.mark.parametrize("written", _command_sentences())
def test_command_leaves_no_digit_or_symbol(written: str) -> None:
    assert _SPOKEN.fullmatch(speakable(written)), speakable(written)


def test_response_is_one_or_more_sentences_that_say_the_same() -> None:
    for written in _response_branches():
        pieces = [speakable(sentence) for sentence in split_sentences(written)]
        assert " ".join(filter(None, pieces)).split() == speakable(written).split()


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Nhiệt độ phòng khách là 25,5 °C", "Nhiệt độ phòng khách là hai mươi lăm phẩy năm độ xê"),
        ("7 giờ 05 phút", "bảy giờ không năm phút"),
        (
            "Ngày 22 tháng 4 năm 2026",
            "Ngày hai mươi hai tháng tư năm hai nghìn không trăm hai mươi sáu",
        ),
        ("không, 60 %", "không, sáu mươi phần trăm"),
        ("Đèn bếp, TV, Quạt 2 và 3 cái nữa", "Đèn bếp, ti vi, Quạt hai và ba cái nữa"),
    ],
)
def test_filled_response_is_read_as_a_person_would(written: str, spoken: str) -> None:
    assert speakable(written) == spoken
