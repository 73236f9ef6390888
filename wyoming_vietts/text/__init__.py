"""Written Vietnamese in, speakable Vietnamese out: the same for every engine."""

from .lexicon import Lexicon, LexiconFile
from .long_sentences import cut_spoken
from .normalizer import speakable
from .splitter import SentenceSplitter, split_sentences

__all__ = [
    "Lexicon",
    "LexiconFile",
    "SentenceSplitter",
    "cut_spoken",
    "speakable",
    "split_sentences",
]
