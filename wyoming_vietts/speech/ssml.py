"""Parses SSML (W3C Speech Synthesis Markup Language 1.1) into runs of text and breaks.

Engines know no SSML: they get plain sentences, and rate, volume and pitch as factors.
"""

import re
from dataclasses import dataclass, replace
from xml.parsers import expat

from ..errors import SSMLError
from ..settings.table import SSML_PITCH, SSML_RATE, VOICE_VOLUME

MAX_BREAK_SECONDS = 10.0
MAX_SILENCE_SECONDS = 300.0
"""Of all breaks of one document."""

_MAX_PROLOG_CHARACTERS = 1000
_PROLOG = (("<?", "?>"), ("<!--", "-->"))
_IGNORED = "\ufeff \t\r\n"  # before the document

_BREAK_SECONDS = {
    "none": 0.0,
    "x-weak": 0.1,
    "weak": 0.2,
    "medium": 0.4,
    "strong": 0.7,
    "x-strong": 1.0,
}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
_VOLUMES = {
    "silent": 0.0,
    "x-soft": 0.25,
    "soft": 0.5,
    "medium": 1.0,
    "default": 1.0,
    "loud": 1.4,
    "x-loud": 2.0,
}
_PITCHES = {"x-low": 0.75, "low": 0.87, "medium": 1.0, "default": 1.0, "high": 1.15, "x-high": 1.3}

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_TIME = re.compile(rf"\s*({_NUMBER})\s*(ms|s)\s*", re.ASCII)
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*(%|dB|st|)\s*", re.ASCII)


@dataclass(frozen=True)
class Prosody:
    """Prosody of a run of text: factors on the voice's own values."""

    rate: float = 1.0
    """Speed; 2 is twice as fast."""

    volume: float = 1.0
    """Amplitude."""

    pitch: float = 1.0
    """Frequency; 2 is an octave up."""


@dataclass(frozen=True)
class Run:
    """Written text with one prosody."""

    text: str
    prosody: Prosody = Prosody()


@dataclass(frozen=True)
class Break:
    """Silence."""

    seconds: float


def begins_ssml(text: str) -> bool | None:
    """Return whether a text begins as SSML does; None while that is undecided.

    `<speak` may follow an XML declaration and comments, or a DOCTYPE, which the parser refuses.
    """
    rest = text.lstrip(_IGNORED)
    while found := [ends for starts, ends in _PROLOG if rest.startswith(starts)]:
        _, end, rest = rest.partition(found[0])
        if not end:
            return None if len(text) < _MAX_PROLOG_CHARACTERS else False
        rest = rest.lstrip(_IGNORED)
    if any(start.startswith(rest) for start in ("<speak", "<!DOCTYPE", "<?", "<!--")):
        return None
    return re.match(r"<(?:speak[\s/>]|!DOCTYPE\s)", rest) is not None


def ends_ssml(text: str) -> bool:
    return text.rstrip(_IGNORED).endswith("</speak>")


def parse_ssml(ssml: str) -> list[Run | Break]:
    """Parse a `<speak>` document.

    Supports `speak p s break prosody sub say-as`. Other tags are ignored, but their text is spoken.

    Raises:
        SSMLError: it is not well-formed, is no `speak` document, declares a DOCTYPE or an entity,
            or has a wrong attribute value, a break over 10 s, or breaks over 300 s in all.
    """
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")  # not the encoding that the document declares
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(ssml.lstrip(_IGNORED).encode("utf-8"), True)
    except expat.ExpatError as error:
        raise SSMLError(f"SSML is not well-formed: {error}") from error
    return reader.parts


def _refuse_doctype(*_declaration: object) -> None:
    raise SSMLError("SSML must not declare a DOCTYPE or entities")


class _Reader:
    """Collects runs and breaks while the parser walks the document."""

    def __init__(self) -> None:
        self.parts: list[Run | Break] = []
        self._open: list[tuple[str, Prosody]] = []
        self._substituted = 0  # open <sub alias> elements; their own text is not spoken
        self._say_as: list[str] = []
        self._silence_seconds = 0.0

    @property
    def _prosody(self) -> Prosody:
        return self._open[-1][1] if self._open else Prosody()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not self._open and name != "speak":
            raise SSMLError(f"SSML must start with <speak>, not <{name}>")
        prosody = self._prosody
        if name == "break":
            self._add_break(_break_seconds(attributes))
        elif name in ("p", "s"):
            self._add_text("\n")
        elif name == "prosody":
            prosody = _changed(prosody, attributes)
        elif name == "sub":
            if "alias" not in attributes:
                raise SSMLError('<sub> needs an alias, such as <sub alias="ki lô mét">km</sub>')
            if not self._substituted:
                self._add_text(attributes["alias"])
            self._substituted += 1
        elif name == "say-as":
            if "interpret-as" not in attributes:
                raise SSMLError('<say-as> needs interpret-as, such as interpret-as="characters"')
            self._say_as.append(attributes["interpret-as"].lower())
        self._open.append((name, prosody))

    def end(self, name: str) -> None:
        name, _ = self._open.pop()
        if name in ("p", "s"):
            self._add_text("\n")
            if name == "p":
                self._add_break(_BREAK_SECONDS["medium"])
        elif name == "sub":
            self._substituted -= 1
        elif name == "say-as":
            self._say_as.pop()

    def characters(self, text: str) -> None:
        if self._substituted:
            return
        # A line break in SSML is a space: <s> or punctuation ends a sentence.
        text = text.replace("\n", " ")
        if self._say_as:
            text = f" {_said_as(text, self._say_as[-1])} "  # separate words
        self._add_text(text)

    def _add_break(self, seconds: float) -> None:
        if self._substituted or seconds == 0:
            return
        self._silence_seconds += seconds
        if self._silence_seconds > MAX_SILENCE_SECONDS:
            raise SSMLError(
                f"The breaks of one text may last {MAX_SILENCE_SECONDS:g}s in all; "
                "send it in several requests"
            )
        self.parts.append(Break(seconds))

    def _add_text(self, text: str) -> None:
        last = self.parts[-1] if self.parts else None
        if isinstance(last, Run) and last.prosody == self._prosody:
            self.parts[-1] = Run(last.text + text, last.prosody)
        else:
            self.parts.append(Run(text, self._prosody))


def _said_as(text: str, how: str) -> str:
    """Rewrite text as `interpret-as` demands; an unknown value changes nothing."""
    if how in ("characters", "spell-out", "verbatim"):
        return " ".join(text)  # single letters and digits are spelled out
    if how in ("digits", "telephone"):
        return " ".join(re.findall(r"[0-9+]", text))
    if how == "ordinal":
        return f"thứ {text.strip()}"
    return text


def _break_seconds(attributes: dict[str, str]) -> float:
    if "time" not in attributes:
        strength = attributes.get("strength", "medium")
        return _named(_BREAK_SECONDS, strength, "<break strength>")
    time = attributes["time"]
    match = _TIME.fullmatch(time)
    if not match:
        raise SSMLError(f"<break time> is '{time}'; it must be like '500ms' or '1.5s'")
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1)
    if not 0 <= seconds <= MAX_BREAK_SECONDS:
        raise SSMLError(f"<break time> is '{time}'; it must be 0 to {MAX_BREAK_SECONDS:g}s")
    return seconds


def _named(names: dict[str, float], value: str, what: str) -> float:
    if value.strip() not in names:
        raise SSMLError(f"{what} is '{value}'; it must be one of: {', '.join(names)}")
    return names[value.strip()]


def _changed(prosody: Prosody, attributes: dict[str, str]) -> Prosody:
    """Apply the attributes of a `<prosody>` element to the surrounding prosody."""
    if "rate" in attributes:
        rate = prosody.rate * _factor(attributes["rate"], "rate", _RATES)
        prosody = replace(prosody, rate=SSML_RATE.clamp(rate))
    if "volume" in attributes:
        volume = prosody.volume * _factor(attributes["volume"], "volume", _VOLUMES)
        prosody = replace(prosody, volume=VOICE_VOLUME.clamp(volume))
    if "pitch" in attributes:
        pitch = prosody.pitch * _factor(attributes["pitch"], "pitch", _PITCHES)
        prosody = replace(prosody, pitch=SSML_PITCH.clamp(pitch))
    return prosody


def _factor(value: str, attribute: str, names: dict[str, float]) -> float:
    """Parse a name, `+10%` or a number; for some attributes also `120%`, `dB` or `st`."""
    match = _QUANTITY.fullmatch(value)
    if not match:
        return _named(names, value, f"<prosody {attribute}>")
    number, unit = float(match[1]), match[2]
    is_relative = match[1][0] in "+-"
    if unit == "%":
        factor = 1 + number / 100 if is_relative or attribute == "pitch" else number / 100
    elif unit == "dB" and attribute == "volume":
        factor = 10 ** (min(number, 20.0) / 20)
    elif unit == "st" and attribute == "pitch":
        factor = 2 ** (max(-24.0, min(number, 24.0)) / 12)
    elif unit == "" and attribute == "rate" and not is_relative:
        factor = number
    elif unit == "" and attribute == "volume":
        factor = 1 + number / 100 if is_relative else number / 100
    else:
        allowed = {"rate": "'120%'", "volume": "'+6dB' or '80'", "pitch": "'+10%' or '+2st'"}
        raise SSMLError(
            f"<prosody {attribute}> is '{value}'; it must be like {allowed[attribute]}, "
            f"or one of: {', '.join(names)}"
        )
    if factor < 0 or (factor == 0 and attribute != "volume"):
        raise SSMLError(f"<prosody {attribute}> is '{value}'; it must leave something audible")
    return factor
