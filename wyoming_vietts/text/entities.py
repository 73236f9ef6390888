"""Entities of Home Assistant: `light.den_phong_khach`."""

import re

from .tables import read_table, with_tables

_ENTITY = re.compile(
    r"(?<![\w./@-])(alarm_control_panel|automation|binary_sensor|button|calendar|camera|climate|cover"
    r"|device_tracker|event|fan|group|humidifier|image|input_(?:boolean|button|datetime|number|select"
    r"|text)|lawn_mower|light|lock|media_player|notify|number|person|remote|scene|script|select|sensor"
    r"|siren|sun|switch|timer|todo|tts|update|vacuum|valve|water_heater|weather|zone)"
    r"\.([a-z0-9]{1,40}(?:_[a-z0-9]{1,40}){0,15})(?![\w-]|\.\w)"
)
_HOME_WORD = r"(?<!\w)<entity_words>(?!\w)"


def read_entities(text: str) -> str:
    """Read the name of an entity with the marks that its words had: `đèn phòng khách`."""
    return _ENTITY.sub(_read_entity, text) if "." in text else text


def _read_entity(match: re.Match[str]) -> str:
    domain, name = (part.replace("_", " ") for part in match.groups())
    words = read_table("entity_words.txt")
    return f"{domain} chấm {with_tables(_HOME_WORD).sub(lambda word: words[word[0]], name)}"
