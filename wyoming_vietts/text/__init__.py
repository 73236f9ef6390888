"""Written Vietnamese in, speakable Vietnamese out: the same for every engine."""

from .lexicon import Lexicon
from .normalizer import speakable
from .splitter import SentenceSplitter, split_sentences

__all__ = ["Lexicon", "SentenceSplitter", "speakable", "split_sentences"]
