"""Written Vietnamese in, speakable Vietnamese out: the same for every engine."""

from .lexicon import Lexicon, LexiconFile, parse_lexicon
from .lexicon_editing import lexicon_entries, remove_entry, set_entry
from .long_sentences import cut_spoken
from .normalizer import speakable
from .splitter import SentenceSplitter, split_sentences

__all__ = [
    "Lexicon",
    "LexiconFile",
    "SentenceSplitter",
    "cut_spoken",
    "lexicon_entries",
    "parse_lexicon",
    "remove_entry",
    "set_entry",
    "speakable",
    "split_sentences",
]
