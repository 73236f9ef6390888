"""Numbers with slashes that are labels: houses, classes, levels, pages."""

import re

from .characters import UPPER
from .identifiers import spell_code
from .numbers import read_whole

_LABEL = r"(\d{1,4}[A-ZĐ]{0,2}(?:/\d{1,4}[A-ZĐ]{0,2}(?![\d]|[.,]\d)){1,4})"
_END = r"(?![\w/]|[-–]\d| (?:âm|dương|ÂL|âl|AL|al|DL|dl)(?!\w))"

_NUMBERED = (
    "số nhà|nhà số|nhà|ngõ|ngách|hẻm|kiệt|kiểng|căn hộ|căn|phòng|lô|thửa|thửa đất|tổ|tổ dân phố|ấp"
    "|khu phố|khu|thôn|xóm|cụm|block|tòa|cấp độ|cấp|trang|tầng|mức|bước|tập|bài|câu|vòng|ván|chặng"
    "|quyển|slide|file|tờ số|thửa số|địa chỉ|đc|đ/c|số"
)
_NUMBERED_LABEL = re.compile(
    rf"(?<!\w)(?<![Gg]iỗ )(?<![Xx]ổ )((?i:{_NUMBERED})(?: số)?[: ]{{1,2}}){_LABEL}{_END}"
)
_CLASS = re.compile(rf"(?<!\w)((?i:lớp|chủ nhiệm) ){_LABEL}{_END}")
_STREET_AFTER = rf"(?= (?!Ngày|Lễ|Tết)[{UPPER}][^\W\d_]{{1,6}} [{UPPER}][^\W\d_])"
_ADDRESS = re.compile(
    rf"(?<!\w)((?i:ở|tại|đến|tới|giao|ship|về|qua|sang|trọ)(?: số)?:? ){_LABEL}{_STREET_AFTER}"
)
_ADDRESS_OF_THREE = re.compile(
    rf"(?<![\w/.,-])(?<!ngày )(?<!sinh )(\d{{1,4}}/\d{{1,4}}/\d{{1,2}}){_STREET_AFTER}"
)


def read_labels(text: str) -> str:
    """Read `hẻm 25/8/14`, `lớp 6/2`, `cấp 1/3` and `đến 12/5 Nguyễn Trãi`, which are no dates."""
    if "/" not in text:
        return text
    text = _CLASS.sub(lambda match: match[1] + _read(match[2], " "), text)
    text = _NUMBERED_LABEL.sub(lambda match: match[1] + _read(match[2], " trên "), text)
    text = _ADDRESS.sub(lambda match: match[1] + _read(match[2], " trên "), text)
    return _ADDRESS_OF_THREE.sub(lambda match: _read(match[1], " trên "), text)


def _read(label: str, joint: str) -> str:
    return joint.join(spell_code(part, read_whole) for part in label.split("/"))
