"""Shorthand that people type in chats, and that assistants repeat."""

import re
from functools import cache
from string import ascii_lowercase

from .characters import LETTERS, LOWER, MARKED_VOWELS, UPPER, VOWELS, like, place_tones
from .chat_in_context import read_chat_by_context
from .context import text_after, text_before, word_before, written_before
from .dates import WEEKDAYS
from .letters import spell
from .numbers import ANY_DIGIT, DIGITS
from .tables import any_of, read_table


def _after(words: str) -> str:
    """Return a pattern of the place after one of some words, of any lengths, and a space."""
    return f"(?:{'|'.join(f'(?<={word} )' for word in words.split('|'))})"


_ACCENTED = "áàảãạéèẻẽẹíìỉĩịóòỏõọúùủũụ"
# Letters that are words where nothing announces a letter.
_LETTERS = {"k": "không", "j": "gì", "r": "rồi", "z": "vậy"}
_LETTER = re.compile(
    rf"(?<![\w.,/'\"(-])(?<!\d )"
    rf"(?:([kK])(?= [{LOWER}])|(?<=[{LOWER}] )([jrzk])(?![\w'/]| ?[=+*^\d]))"
    r"|(?<=\d )(r)(?= (?:nhé|nha|ạ|đó|á|nè)(?!\w)|[.!?]|$)"
)
_BEFORE_A_LETTER = frozenset({
    "vitamin", "chữ", "số", "hệ", "hằng", "biến", "tham", "độ", "thứ", "cạnh", "điểm", "nhóm",
    "bảng", "khối", "lớp", "loại", "kênh", "phím", "là", "với", "và", "kali", "trục", "kính", "ẩn",
    "hàm", "đĩa", "tên", "cái", "theo", "ký", "tự", "pi", "căn", "gan",
})  # fmt: skip
_BEFORE_A_NAME = frozenset({
    "trường", "hội", "khu", "nhà", "tòa", "sảnh", "cổng", "ga", "đội", "hạng", "lô", "dãy", "án",
    "phương", "đáp", "mục", "phần", "hàng", "ghế", "cột", "block", "zone", "cúm", "công", "ty",
    "hộ", "phòng",
})  # fmt: skip
# Small letters after these are persons, where persons are letters.
_BEFORE_A_PERSON = frozenset({"hộ", "là", "số", "với", "và", "nhà", "cái", "theo", "công"})
_PERSONS = {"a": "anh", "b": "bạn", "c": "chị", "e": "em"}
_PERSON_WITH_NAME = re.compile(
    rf"^([ACE])\.?(?= (?!Phủ|Sử|Dính|Mác)[{UPPER}][{LOWER}]{{1,6}}"
    rf"(?: (?:ơi|bảo|nhờ|nói|gửi|hỏi|nhắn|kêu|gọi|rủ|hẹn|nhà|bán|đi|về|mới|vừa|đang|sắp)(?!\w)))",
    re.M,
)
_CLAUSE_START = r"(?:^|(?<=[.!?\n,] )|(?<=\n))"
_PERSON = re.compile(
    rf"(?<!\w)([ABCEabce])(?= ơi(?![^\W\d_]))|{_CLAUSE_START}([ABCE])(?! ?[=+*^\d.):/-]|\w)"
    r"|(?<![\w.,/'\"(-])([abce])(?![\w'/]| ?[=+*^:)]|\.\w| -)"
)
_AFTER_PERSON = re.compile(
    r" (?:không (?:biết|có|thấy|cần|muốn|nhớ|hiểu)"
    r"|đã|sẽ|đang|gửi|xin|cảm|vừa|mới|ạ|nhé|nhá|nha|về|muốn|chưa|biết|thấy|quên|làm|hỏi"
    r"|đợi|chờ|cần|tắt|bật|mở|xem|nhắn|nói|nhiều|kiểm|cài|đặt|có|ở|bị|đi(?! đát| tơ)|ăn|ngủ|nấu"
    r"|mua|qua(?! phi)|lên|cho|chở|mang|giặt|rửa|dọn|thử|bỏ|dẫn|rước|sang|ghé|kể|tưởng|hứa|sửa|chọn"
    r"|xuống|ra(?! bi)|vào|thích|nhớ|yêu|thương|lấy|cũng|vẫn|còn|sắp|hay|hãy|cứ|đón|đưa|gặp|nghe"
    r"|học|chạy"
    r"|tan|bận|mệt|ốm|khỏe|tới|bảo|kêu|nghĩ|định|phải|nên|chuyển|chốt|order|book|check|tự|để|trả"
    r"|nhận"
    rf"|lo|uống|tắm|dậy|ship|off|ko|k|đg|chx|bt)(?![{LETTERS}])"
)
_HOUR_FIRST = re.compile(
    rf"{_CLAUSE_START}(?:h(?= [{LOWER}])|H(?= (?:này|mới|mình|em|anh|chị|con|bố|mẹ|đi|về|làm|ở"
    rf"|sao|mọi"
    r"|cả|nó|vẫn|còn|tụi|chắc|cũng|[ace])(?!\w)))"
)
_SO = re.compile(
    rf"(?<=[{LOWER}] )v(?= (?:ạ|nhỉ|ta|trời|em|anh|chị|mẹ|bố|con|bạn|nè|á|mn|mọi|[ceab])(?!\w)"
    rf"|[?!.,]|$)"
)
_LONE_V = re.compile(r" v\b")
_LONE_T_OR_M = re.compile(r"\b[tTm] ")
_SO_AFTER = re.compile(rf"{_after('gì|sao|đâu|nào')}v(?![\w'/])")
_OH_HEAVEN = re.compile(rf"(?<!\w)([Tt]r)(?= ơi)|(?<=[{LOWER}] )(tr)(?=[!?~]|\.?$)")
_STREET = re.compile(rf"{_after('trên|ngoài|giữa|kẹt|tắc|ngập|qua|con|hỏi')}đg(?!\w)")
_FINAL_G = re.compile(rf"(?<=[{MARKED_VOWELS}])g(?!\w)")
_FINAL_K = re.compile(r"(?<=[íịĩỉìếệ])k(?!\w)")
_Q_WITHOUT_U = re.compile(
    rf"(?<!\w)([qQ])(?=[{MARKED_VOWELS}][{LOWER}]{{0,2}}(?!\w))|(?<!\w)(q)(?=[aeiy][{LOWER}]{{0,2}}"
    rf"(?!\w))"
)
# After `z` or `dz` these are said with a v in the south, and the others with a d.
_WITH_V = "ậy|ô|ui|ề|ới|ợ|ào|ẫn|ừa|iệc|ì|ẻ|ọng|ăn|ài|ẫy|ội|iết|à"
# "zô", "fải", "jờ": letters that Vietnamese has not, in words with marks.
_D_WITH_Z = re.compile(rf"(?<!\w)(?:[dD]z|[zZ])(?=(?:{_WITH_V})(?!\w))")
_SILENT_Z = re.compile(rf"(?<!\w)([dD])z(?=[{LOWER}]{{0,3}}[{MARKED_VOWELS}])")
_WHAT_OR_SO = re.compile(
    r"(?<!\w)(?:(J)(?= (?:[zvr]|vậy|thế|má|mà|đó|đây|ta|trời|ạ|nữa|hả)(?!\w))"
    r"|Z(?= (?:mai|đi|thì|hả|à|em|anh|chị|để|nha|thôi|bữa|chừng|chiều|tối|mình|luôn|cũng|sao|là sao"
    r"|ai|ok|có)(?!\w)))"
)
# The first and the second person of friends, before what a person does.
_FRIEND = re.compile(
    rf"{_CLAUSE_START}[tT](?= (?:đang|đi|về|ngủ|biết|mới|vừa|bận|quên|ăn|sẽ|thấy|bị|cũng|giận"
    rf"|vs)(?!\w))|(?<=[{LOWER}] )m(?= (?:đi|đang|ngủ|ăn|biết|về|làm|bận|ơi)(?!\w))"
)
_FRIENDS = {"t": "tớ", "m": "mày"}
_FOREIGN_INITIAL = re.compile(rf"(?<!\w)([wzjfWZJF])(?=[{LOWER}]{{0,3}}[{MARKED_VOWELS}])")
_INITIALS = {"w": "qu", "z": "d", "j": "gi", "f": "ph"}
_DAY_OF_WEEK = re.compile(r"(?<![\w./-])t([2-7])(?![\w/-]|[.,:]\d)")
_SHORT_MONTH = re.compile(r"(?<![\w./-])t([89]|1[0-2])(?![\w/-]|[.,:]\d)")
_DISTRICT = re.compile(r"(?<!\w)((?:ở|sang|tại|về|đến|qua|bên|khu|từ) )([qp])(\d{1,2})(?!\w)")
_DISTRICTS = {"q": "quận", "p": "phường"}
_HOUR = re.compile(
    r"(?<!\w)((?:[Mm]ấy|[Bb]ây|[Bb]ao|[Bb]ữa|[Ll]úc) ?|(?:[Tt]ới|[Đđ]ến) (?!h ?[=+:<>])"
    r"|[Tt]ừ (?=h (?:tới|đến|về|trở|qua)))h(?!\w)"
)


@cache
def _words() -> re.Pattern[str]:
    written = any_of(read_table("chat.txt"))
    capital = any_of(word.capitalize() for word in read_table("chat.txt"))
    return re.compile(
        rf"(?<![{LETTERS}\d])(?:(?<!\d )(?:{written}|{capital}(?! [{UPPER}][{LOWER}]))"
        r"|(?<=\d )(?:ko|hok|khum|đc|dc|lun|mn|thui|nka|nhak)(?= ))"
        rf"(?![{LETTERS}\d])"
    )


_PERSON_OF_NAME = re.compile(rf"(?<=[{LOWER}] )([ace])(?= [{UPPER}][{LOWER}])")
_DRAWN_OUT = re.compile(
    rf"(?<=[^\W\d_])(?i:([{_ACCENTED}])(?:\1*([aeiou])\2+)+\1*"
    rf"|(?-i:(?!I))([{VOWELS}])\3{{2,}})"  # not the numeral III
)
_DRAWN_CONSONANT = re.compile(rf"(?<=[{VOWELS}])([cghmnptp])\1{{2,}}(?!\w)")
_PERSON_FIRST = re.compile(rf"{_CLAUSE_START}[ACEaceBb](?={_AFTER_PERSON.pattern})")
_PAUSES = frozenset(",.;:!?")
_PERSON_INSIDE = re.compile(
    rf"(?<=[{LOWER}] )[ae](?={_AFTER_PERSON.pattern})"
    rf"|{_after('hộ|giúp|dùm|giùm|[Nn]hờ|[Kk]êu|[Nn]hắn')}[ace](?= \w)"
    rf"|{_after('[Hh]ỏi|[Bb]ảo|[Gg]ọi')}[ace](?= [{UPPER}][{LOWER}])"
    rf"|{_after('hả|nhé|nha|nhỉ|rồi|vậy|luôn|dạ|ơn|lỗi|thế')}[ace](?=[.!?,]|$)"
    rf"|{_after('lát|để|nhớ|đón|chờ|đợi|gọi|nhà|tụi')}[ae](?= [{LETTERS}]|[.!?]?$)"
)
_LETTERS_AND_NUMBERS = frozenset({
    *" ".join(map(spell, ascii_lowercase)).split(), *DIGITS, "mười", "mươi", "trăm", "cộng",
})  # fmt: skip
_LONE_CONSONANT = re.compile(rf"(?<=[{LOWER}] )[cb](?= [{LOWER}]|[.!?,]? ?$)")
_LONE_PERSON = re.compile(r"\b[a-cA-CeE]\b")
_MAY_BE_LEFT = re.compile(rf"\b[aAeE]\b|[qQ](?!u)|[wzjfWZJF]|[{MARKED_VOWELS}][gk]\b")
_SAID_TO_A_PERSON = re.compile(rf"(?<!\w)[a-cA-CeE](?: [{UPPER}][{LOWER}]{{1,6}})? ơi(?![^\W\d_])")


def shorten_drawn_out(text: str) -> str:
    """Shorten letters that are drawn out: `hoàaaa`, `QUÁAAA`, `ngonnn`."""
    text = _DRAWN_CONSONANT.sub(r"\1", text)
    return place_tones(_DRAWN_OUT.sub(lambda match: match[1] or match[3], text))


def read_chat_shorthand(text: str) -> str:
    """Read `ko`, `mn`, `bn ơi`, `t6`, and `k` before a word."""
    written = text
    text = _PERSON_WITH_NAME.sub(lambda match: _PERSONS[match[1].lower()].capitalize(), text)
    text = read_chat_by_context(text)
    if "J" in text or "Z" in text:
        text = _WHAT_OR_SO.sub(lambda match: "Gì" if match[1] else "Vậy", text)
    if _LONE_T_OR_M.search(text):
        text = _FRIEND.sub(lambda match: like(match[0], _FRIENDS[match[0].lower()]), text)
    text = _LETTER.sub(_read_letter, text)
    if "đg" in text:
        text = _STREET.sub("đường", text)
    text = _OH_HEAVEN.sub(r"\g<0>ời", text)
    if _LONE_V.search(text):
        text = _SO.sub("vậy", _SO_AFTER.sub("vậy", text))
    text = _FINAL_G.sub("ng", _FINAL_K.sub("ch", text))
    if "q" in text or "Q" in text:
        text = _Q_WITHOUT_U.sub(lambda match: f"{match[0]}u", text)
    if "z" in text or "Z" in text:
        text = _D_WITH_Z.sub(lambda match: like(match[0], "v"), text)
        text = _SILENT_Z.sub(r"\1", text)
    text = _FOREIGN_INITIAL.sub(lambda match: like(match[1], _INITIALS[match[1].lower()]), text)
    text = _HOUR_FIRST.sub(lambda match: like(match[0], "giờ"), text)
    if _LONE_PERSON.search(text) and (
        text != written or _words().search(text) or _is_personal(text)
    ):
        # In any other text a lone letter is a letter; and where it is spoken it stays one.
        text = _PERSON_OF_NAME.sub(_read_person_of_name, text)
        text = _PERSON.sub(_read_person, text)
    if ANY_DIGIT.search(text):
        text = _SHORT_MONTH.sub(r"tháng \1", text)
        text = _DAY_OF_WEEK.sub(lambda match: f"thứ {WEEKDAYS[match[1]]}", text)
        text = _DISTRICT.sub(lambda match: f"{match[1]}{_DISTRICTS[match[2]]} {match[3]}", text)
    return read_chat_words(_HOUR.sub(r"\1 giờ", text))


def read_chat_that_is_left(text: str) -> str:
    """Read shorthand once more where words were taken apart, so that it is spoken as it stands."""
    return read_chat_shorthand(text) if _MAY_BE_LEFT.search(text) else read_chat_words(text)


def read_chat_words(text: str) -> str:
    """Read the words of the table: `ko`, `mn`."""
    table = read_table("chat.txt")
    return _words().sub(lambda match: like(match[0], table[match[0].lower()]), text)


def _read_letter(match: re.Match[str]) -> str:
    if word_before(match) in _BEFORE_A_LETTER:
        return match[0]
    return like(match[0], _LETTERS[match[0].lower()])


def _is_personal(text: str) -> bool:
    """Tell whether the lone letters of a text are persons: `a ơi`, `mai c qua`, `E đang về`."""
    if _SAID_TO_A_PERSON.search(text) or _PERSON_FIRST.search(text):
        return True
    return any(not _is_letter(match) for match in _LONE_CONSONANT.finditer(text)) or any(
        not _is_letter(match) and _small_word_before(match)
        for match in _PERSON_INSIDE.finditer(text)
    )


def _small_word_before(match: re.Match[str]) -> bool:
    """Tell whether the word before is no part of a name (`Nguyễn Văn A`), and no letter."""
    word = written_before(match).rsplit(maxsplit=1)[-1]
    is_first = match.start() == len(word) + 1
    return (word.islower() or is_first) and word.strip(".,;:!?") not in _LETTERS_AND_NUMBERS


def _is_letter(match: re.Match[str]) -> bool:
    if text_before(match).rstrip()[-1:] in _PAUSES:
        return False
    before = word_before(match)
    if match[0].islower() and before in _BEFORE_A_PERSON:
        return False
    return before in _BEFORE_A_LETTER or before in _BEFORE_A_NAME


def _read_person(match: re.Match[str]) -> str:
    """A lone `a` or `e`, in a text that is personal."""
    if not match[1] and _is_letter(match):
        return match[0]
    after = text_after(match)
    if match[2] and not (_AFTER_PERSON.match(after) or after.startswith(" không ")):
        return match[0]  # a capital at the start
    return like(match[0], _PERSONS[match[0].lower()])


def _read_person_of_name(match: re.Match[str]) -> str:
    """`a Nam`."""
    return match[0] if _is_letter(match) else _PERSONS[match[0]]
