"""Entities of Home Assistant: their names, their states, and the values of templates."""

import re

from .characters import LOWER
from .context import text_after, text_before
from .numbers import NUMBER
from .tables import read_table, with_tables

_ENTITY = re.compile(
    r"(?<![\w./@-])(alarm_control_panel|automation|binary_sensor|button|calendar|camera|climate|cover"
    r"|device_tracker|event|fan|group|humidifier|image|input_(?:boolean|button|datetime|number|select"
    r"|text)|lawn_mower|light|lock|media_player|notify|number|person|remote|scene|script|select|sensor"
    r"|siren|sun|switch|timer|todo|tts|update|vacuum|valve|water_heater|weather|zone)"
    r"\.([a-z0-9]{1,40}(?:_[a-z0-9]{1,40}){0,15})(?![\w-]|\.\w)"
)
_HOME_WORD = r"(?<!\w)<entity_words>(?!\w)"

_SAID = {
    "on": "bật", "off": "tắt", "open": "mở", "closed": "đóng", "locked": "đã khóa",
    "unlocked": "đã mở khóa", "home": "ở nhà", "not_home": "vắng nhà", "away": "vắng nhà",
    "idle": "rảnh", "playing": "đang phát", "paused": "tạm dừng", "true": "có", "false": "không",
    "detected": "phát hiện", "clear": "không có gì", "yes": "có", "no": "không",
    "charging": "đang sạc", "heat": "sưởi", "cool": "làm mát", "dry": "hút ẩm",
    "fan_only": "chỉ quạt", "docked": "ở đế sạc", "cleaning": "đang dọn",
}  # fmt: skip
_STATE = "|".join(sorted(_SAID, key=len, reverse=True))
_VALUE_END = r"(?= ?(?:[.,;!()\n→]|$))"
_VALUE_BEFORE = r"(?:(?<=[:=→] )|(?<=[:=→]))"
_VALUE = re.compile(
    rf"{_VALUE_BEFORE}(?i:{_STATE}){_VALUE_END}|(?<=là )(?i:true|false){_VALUE_END}"
)
_TO_STATE = re.compile(
    rf"(?<!\w)({_STATE}|bật|tắt|đóng|mở|khóa|nghỉ|chạy|dừng|thấp|cao|tốt|xấu|kém|yếu|mạnh)"
    rf" ?→ ?({_STATE}|[{LOWER}]+)(?!\w)"
)
_VALUE_TO_VALUE = re.compile(rf"(?<=: )([{LOWER}]+(?: [{LOWER}]+)?) ?→ ?(?=[{LOWER}])")
_NUMBER_TO_NUMBER = re.compile(
    r"(?<![^\s(])([~-]?\d[^\s→]{0,14}(?: ?(?:đồng|triệu|nghìn|tỷ|độ|kg|km))?) ?→ ?(?=[~-]?\d)"
)
_TYPED_ARROW = re.compile(r"(?<![-<=])(?:-{1,2}|=)>(?! ?\d)|(?<![-<=])-{1,2}>(?= ?\d)")

_OFF = re.compile(r"(?<!\w)([Oo])ff(?!\w|-)")
_PERSON_BEFORE_OFF = re.compile(
    r"(?<!\w)(?:mình|em|anh|chị|tôi|tớ|mẹ|bố|ba|con|bạn|họ|nhóm|hội|lớp|team|nhà|xin|mai|nay|qua"
    r"|được|đi|hôm|buổi|tuần|nghỉ|hẹn|lịch|kèo|ngày|cháu|thầy|cô|sếp|tối|chiều|sáng|cuối tuần|muốn"
    r"|hay|sẽ|fan|offline|[bcekaqr])$"
)
_OFF_WITH = re.compile(
    r" (?:hội|fan|nhóm|phép|một|nửa|cả|sớm|làm|học|\d{1,2} (?:ngày|buổi|hôm)|hôm|tuần|nhé|nha"
    r"|rồi nha"
    r"|đi|cùng|với|chung|team|luôn|game|mạng|fb|máy đi)(?!\w)"
)

_UP_OR_DOWN = re.compile(r"(?:(tăng|giảm|lên|xuống) )?([↑↓]) ?")
_BETWEEN_ARROWS = re.compile(r" ?[/|,] ?(?=[↑↓])")
_BITS_AFTER = re.compile(rf"{NUMBER} ?(?:[kmg]?bps|[kmg]b/s|[kmg]bit/s|mb/giây)")
_NET_BEFORE = re.compile(r"(?:mạng|wifi|wi-fi|internet|speedtest|băng thông|tốc độ)[^.!?]{0,30}$")
_NO_VALUE = (
    r"(?<!\w)(?:(?:None|null|NULL|NaN|undefined)(?: ?<units>)?(?![\w'])"
    r"|(?:nan|none)(?: (?!năm|tháng|ngày|giờ|tuần)<units>| ?[%°][CF]?)(?!\w)"
    rf"|{_VALUE_BEFORE}(?:nan|none|n/a|N/A){_VALUE_END})"
)


def read_entities(text: str) -> str:
    """Read the name of an entity with the marks that its words had: `đèn phòng khách`."""
    return _ENTITY.sub(_read_entity, text) if "." in text else text


def _read_entity(match: re.Match[str]) -> str:
    domain, name = (part.replace("_", " ") for part in match.groups())
    words = read_table("entity_words.txt")
    return f"{domain} chấm {with_tables(_HOME_WORD).sub(lambda word: words[word[0]], name)}"


def read_states(text: str) -> str:
    """Read `Đèn: on → off`, `None °C`, `True`, and `↑8%`."""
    if ">" in text:
        text = _TYPED_ARROW.sub("→", text)
    text = with_tables(_NO_VALUE).sub("không rõ", text)
    if "→" in text:
        text = _TO_STATE.sub(_read_change, text)
        text = _VALUE_TO_VALUE.sub(r"\1 sang ", text)
        text = _NUMBER_TO_NUMBER.sub(r"\1 đến ", text)
    text = _VALUE.sub(lambda match: _SAID[match[0].lower()], text)
    text = _BETWEEN_ARROWS.sub(", ", text)
    text = _OFF.sub(_read_off, text)
    return _UP_OR_DOWN.sub(_read_up_or_down, text)


def _read_change(match: re.Match[str]) -> str:
    first, second = (_SAID.get(state, state) for state in match.groups())
    return f"{first} sang {second}"


def _read_off(match: re.Match[str]) -> str:
    """A lamp is off, and a person takes a day off or meets the friends of the net."""
    is_persons = _PERSON_BEFORE_OFF.search(text_before(match).rstrip()) or _OFF_WITH.match(
        text_after(match)
    )
    return f"{'Ó' if match[1] == 'O' else 'ó'}p" if is_persons else match[0]


def _read_up_or_down(match: re.Match[str]) -> str:
    said, arrow = match.groups()
    if said:
        return f"{said} "
    is_net = _BITS_AFTER.match(text_after(match)) or _NET_BEFORE.search(text_before(match))
    up, down = (" tải lên ", " tải xuống ") if is_net else (" tăng ", " giảm ")
    return up if arrow == "↑" else down
