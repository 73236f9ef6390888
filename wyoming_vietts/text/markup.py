"""Removes Markdown, HTML, stage directions and emoticons; keeps what a person would read aloud."""

import html
import re

_PHONETICS = re.compile(r"[/\[][^/\[\]\n]{0,60}[ˈˌːəɪʊɛɔʌθðʃʒŋɡɑɒɜ][^/\[\]\n]{0,60}[/\]]")
_SOURCE_MARK = re.compile(r"【[^【】\n]{0,60}】")
_SPECIAL_TOKEN = re.compile(
    r"<\|(?:im_start|start_header_id|start)\|>(?:assistant|user|system)(?![^\W_])"
    r"|<\|[^|<>\n]{0,64}\|>"
)
REASONING = ("think", "thinking", "thought", "reasoning", "reflection")
"""Names of the tags between which a model thinks; nobody wants to hear it."""
_REASONING = re.compile(rf"<({'|'.join(REASONING)})>.*?(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)
_ROLE = re.compile(
    r"\A\s*(?:\*\*)?(?:Assistant|User|System|Human|AI|Model|Bot|Trợ lý)(?:\*\*)? ?:(?:\*\*)? "
)
# A template that nobody filled in.
_TEMPLATE = re.compile(r"\{\{[^{}\n]{1,200}\}\}")
_STATEMENT = re.compile(r"\{%[^{}\n]{1,200}%\}")
_HTML_COMMENT = re.compile(r"<!--(?:[^-]|-(?!->)){0,500}-->")
_HTML_BREAK = re.compile(
    r"<(?:/?(?:p|div|li|tr|h[1-6]|ul|ol|table|blockquote)|br|hr)\b[^<>\n]{0,300}>", re.I
)
_HTML_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9:-]{0,32}(?:\s[^<>\n]{0,300})?/?>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,24});")

_FENCE = re.compile(r"^ {0,3}(?:```+|~~~+)[^\n`]{0,64}$", re.M)
_TABLE_RULE = re.compile(r"^[ |:=+-]{2,}$", re.M)
_TABLE_EDGE = re.compile(r"^ ?\||\| ?$", re.M)
_TABLE_BAR = re.compile(r" ?\|+ ?")
_RULE = re.compile(r"^ ?(?:[*_=-] ?){3,}$", re.M)
_HEADING_NUMBER = re.compile(
    r"^ ?#{1,6} +(?:\*\*)?(\d{1,2}(?:\.\d{1,2}){1,3})(?=[.)]?(?: |$))", re.M
)
_HEADING = re.compile(r"^ ?#{1,6} +|(?<=\S) #+$", re.M)
_QUOTE = re.compile(r"^(?: ?>)+ ?(?![\d=<>])", re.M)
_TASK_BOX = re.compile(r"^( ?(?:[-*+•·] |\d{1,3}[.)] )?)\[[ xX]\] ", re.M)
_BULLET = re.compile(r"^ ?(?:[*+•·◦] +|[-–] +)", re.M)
_IMAGE_OR_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\](?:\([^()\n]{0,500}\)|\[[^\[\]\n]{0,100}\])")
_LINK_TAIL = re.compile(r"\]\([^()\n]{0,500}\)")
_FOOTNOTE = re.compile(r"\[\^?\d{1,3}(?:, ?\d{1,3})*\](?!\()")
_STARS = re.compile(
    r"((?:khách sạn|resort|đánh giá|tiêu chuẩn|hạng|homestay|nhà hàng)[^.!?\n*]{0,20} [1-5])"
    r"\*(?![\w*])",
    re.IGNORECASE,
)
_STARS_ALONE = re.compile(r"(?<= [1-5])\*(?![\w*])")
_STAGE_DIRECTION = re.compile(
    r"(?:\*{1,2}|[(\[])"
    r"(?:mỉm cười|cười|thở dài|gật đầu|lắc đầu|nháy mắt|hắng giọng|im lặng|ngập ngừng|suy nghĩ"
    r"|vỗ tay|nhún vai|ho|tạm dừng|nhạc|tiếng cười|laugh(?:s|ing|ter)?|chuckles?|giggles?|sighs?"
    r"|smiles?|smiling|gasps?|coughs?|clears throat|whispers?|applause|claps?|music|pauses?|silence"
    r"|excited|happily|sadly|softly|nods?|winks?|breathes?|sniffs?|crying|cries)"
    r"(?: [^\W\d]{1,8}){0,3}"
    r"(?:\*{1,2}|[)\]])",
    re.IGNORECASE,
)
_PAUSE = re.compile(
    r"\[(?:(?:short|long) )?(?:pause|break)(?:[ :=]{1,3}[\d.,]{1,8} ?(?:ms|s|sec|giây)?)?\](?!\()",
    re.IGNORECASE,
)
_AUTO_LINK = re.compile(r"<((?:https?://|mailto:)?[^<>\s]{1,300})>")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+.!|<>~-])")
_UNDERSCORES = re.compile(r"(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)")
_TIMES_STAR = re.compile(r"(?<=\d)(?: \* |\*)(?=\d)")
_STRIKE = re.compile(r"~~+")

_STARS_GIVEN = re.compile(
    r"(?<=\d) ?[★⭐][★⭐☆\ufe0f½]{0,9}|((?:[★⭐]\ufe0f?){2,5})[☆\ufe0f]{0,4}(?![★⭐])"
)

_EMOTICON = re.compile(
    r"(?<![^\s,.!?])(?:[:;=]['\"]?-?(?:[)(\]\[|]{1,5}|[DPpOo3v/\\*])|[)(]{2,}|<3+|\^[_.-]?\^|-_+-"
    r"|[Tt]_+[Tt]|[oO]_+[oO]|>_+<|@_+@|\([yYnN]\))(?![^\s.,!?])"
)


def strip_html(text: str) -> str:
    """Return the text without HTML tags and special tokens, its entities as characters."""
    if not text.isascii():
        text = _PHONETICS.sub("", text)
    if "【" in text:
        text = _SOURCE_MARK.sub("", text)
    if ":" in text[:24]:
        text = _ROLE.sub("", text)
    if "★" in text or "⭐" in text:
        text = _STARS_GIVEN.sub(_read_stars, text)
    if "{" in text:
        text = _STATEMENT.sub("", _TEMPLATE.sub("None", text))
    if "<" in text:
        text = _REASONING.sub(" ", text)
        text = _SPECIAL_TOKEN.sub(" ", text)
        text = _HTML_COMMENT.sub(" ", text)
        text = _HTML_BREAK.sub("\n", text)
        text = _AUTO_LINK.sub(_auto_link, _HTML_TAG.sub("", text))
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return text


def _read_stars(match: re.Match[str]) -> str:
    """`4.5★`, or as many stars as there are."""
    return f", {match[1].count('★') + match[1].count('⭐')} sao, " if match[1] else " sao "


def _auto_link(match: re.Match[str]) -> str:
    inside = match[1]
    return inside if "://" in inside or "@" in inside else match[0]


def strip_markdown(text: str) -> str:
    """Return the folded text without Markdown and emoticons; line feeds stay between blocks."""
    return _EMOTICON.sub(" ", _strip_spans(_strip_blocks(text)))


def _strip_blocks(text: str) -> str:
    text = _FENCE.sub("", text)
    if "|" in text:
        text = _TABLE_RULE.sub("", text)
        text = _TABLE_BAR.sub(", ", _TABLE_EDGE.sub("", text))
    text = _RULE.sub("", text)
    text = _QUOTE.sub("", text)
    if "#" in text:
        text = _HEADING_NUMBER.sub(lambda match: match[0].replace(".", " chấm "), text)
        text = _HEADING.sub("", text)
    if "[" in text:
        text = _TASK_BOX.sub(r"\1", text)
    return _BULLET.sub("", text)


def _strip_spans(text: str) -> str:
    if "*" in text:
        text = _STARS.sub(r"\1 sao", text)
        if text.count("*") % 2:  # no pair that emphasises
            text = _STARS_ALONE.sub(" sao", text)
    if "*" in text or "(" in text or "[" in text:
        text = _STAGE_DIRECTION.sub(" ", text)
    if "[" in text or "](" in text:
        text = _PAUSE.sub(" ", text)
        text = _FOOTNOTE.sub("", text)
        text = _IMAGE_OR_LINK.sub(r"\1", text)
        text = _LINK_TAIL.sub("", text)
    text = _ESCAPE.sub(r"\1", text)
    text = _STRIKE.sub("", text)
    if "*" in text:
        text = _TIMES_STAR.sub(" × ", text).replace("*", "")
    text = _UNDERSCORES.sub("", text)
    return text.replace("`", "")
