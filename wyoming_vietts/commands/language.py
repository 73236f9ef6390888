"""Translates the messages that users of the commands meet most, where LANG is Vietnamese."""

import os

NOTHING_TO_SAY = "There is nothing to say in this text"
NO_PLAYER = (
    "There is no audio player here: install one (Debian: sudo apt install alsa-utils), or write a "
    "file with -o FILE"
)
# fmt: off
_VIETNAMESE = {
    "No server answers at {uri}: start one with {command}, or name it with --uri":
        "Không có máy chủ nào trả lời ở {uri}: hãy chạy {command}, hoặc nêu địa chỉ bằng --uri",
    NO_PLAYER:
        "Máy này chưa có chương trình phát âm thanh: hãy cài một chương trình (Debian: sudo apt "
        "install alsa-utils), hoặc ghi ra tệp bằng -o TỆP",
    NOTHING_TO_SAY: "Văn bản không có gì để đọc",
    "Nothing is missing: start it with {command}": "Không thiếu gì: hãy chạy {command}",
    "For a natural voice ({size} MB): {command}": "Để có giọng tự nhiên ({size} MB): {command}",
    "Downloaded: '{name}' in {folder}": "Đã tải '{name}' vào {folder}",
}
# fmt: on


def translated(message: str, **values: object) -> str:
    """Fill in one of these messages, in Vietnamese if that is the user's language.

    Raises:
        KeyError: it is another message.
    """
    vietnamese = _VIETNAMESE[message]
    variables = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides, as in POSIX
    language = next(filter(None, map(os.environ.get, variables)), "")
    return (vietnamese if language.startswith("vi") else message).format(**values)
