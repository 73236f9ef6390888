"""The embedded voice: eSpeak NG in process, through the library that a wheel brings along."""

import ctypes
import os
import re
import unicodedata
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import espeakng_loader

from .voices import Voice

# Values of espeak_ng/speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_ENDPAUSE = 0x1000
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_EE_OK = 0
_MIN_RATE, _MAX_RATE = 80, 450

_WORDS_PER_MINUTE = 160  # at speed 1
_AMPLITUDE = 70  # 0-200

_BUFFER_MS = 60
_MAX_FOLDER_BYTES = 40  # the library finds no voice whose path has 60 bytes or more
_MAX_CLAUSE_CHARACTERS = 160
_MAX_WORD_CHARACTERS = 24

_ON_AUDIO = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)

_VIETNAMESE = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ"
_UNSPEAKABLE = re.compile(rf"[^a-z0-9{_VIETNAMESE}.,;:!?]+", re.IGNORECASE)
_CLAUSE = re.compile(r"[^.,;:!?]+[.,;:!?]?")


@dataclass(frozen=True)
class EspeakVoice(Voice):
    """A voice of eSpeak NG with the settings at which it speaks Vietnamese best."""

    file: str
    """File in espeak_voices/."""

    pitch: int
    """Base pitch, 0-100."""

    pitch_range: int
    """0-100; about 75 is what keeps the six tones apart."""


def _voice(name: str, description: str, file: str, pitch: int, pitch_range: int) -> EspeakVoice:
    return EspeakVoice(
        name=name,
        description=description,
        languages=("vi-VN",),
        author="eSpeak NG",
        author_url="https://github.com/espeak-ng/espeak-ng",
        version="1.52",
        file=file,
        pitch=pitch,
        pitch_range=pitch_range,
    )


_VOICES = (
    _voice("espeak-north-male", "Giọng nam miền Bắc (eSpeak NG)", "north-male", 50, 75),
    _voice("espeak-north-female", "Giọng nữ miền Bắc (eSpeak NG)", "north-female", 50, 65),
    _voice("espeak-south-male", "Giọng nam miền Nam (eSpeak NG)", "south-male", 65, 100),
)


class EspeakTTS:
    """Speaks with eSpeak NG, one clause at a time.

    The library keeps its state in globals: voice, parameters and callback are set before each
    clause, and nothing is yielded in between, so any number of syntheses may take turns. The voices
    are the library's own less flutter and roughness: these two count on from clause to clause, and
    without them the same clause always gives the same samples.
    """

    def __init__(self) -> None:
        """Load the library and its data.

        Raises:
            RuntimeError: the library refuses its data folder.
        """
        self.voices: Mapping[str, EspeakVoice] = {voice.name: voice for voice in _VOICES}
        self._library, self.sample_rate = _initialized_library()
        self._voices_path = _short_path(str(Path(__file__).with_name("espeak_voices")))

    def synthesize(self, text: str, voice: str, speed: float = 1.0) -> Generator[bytes, None, None]:
        """Speak `text` clause by clause; see the contract in `tts.py`."""
        settings = self.voices[voice]
        for clause in speakable_clauses(text):
            yield self._speak(clause, settings, speed)

    def _speak(self, clause: str, voice: EspeakVoice, speed: float) -> bytes:
        """PCM of one clause that has passed the gate."""
        pcm = bytearray()

        def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
            if samples and count > 0:
                pcm.extend(ctypes.string_at(samples, 2 * count))
            return 0

        on_audio = _ON_AUDIO(collect)  # held until the library is done with it

        library = self._library
        library.espeak_SetSynthCallback(on_audio)
        path = f"{self._voices_path}/{voice.file}"
        status = library.espeak_SetVoiceByFile(path.encode())
        if status != _EE_OK:
            raise RuntimeError(f"eSpeak NG cannot load the voice {path}: status {status}")
        rate = min(_MAX_RATE, max(_MIN_RATE, round(_WORDS_PER_MINUTE * speed)))
        library.espeak_SetParameter(_RATE, rate, 0)
        library.espeak_SetParameter(_PITCH, voice.pitch, 0)
        library.espeak_SetParameter(_RANGE, voice.pitch_range, 0)
        library.espeak_SetParameter(_VOLUME, _AMPLITUDE, 0)
        utf8 = clause.encode()
        status = library.espeak_Synth(
            utf8, len(utf8) + 1, 0, 0, 0, _CHARS_UTF8 | _ENDPAUSE, None, None
        )
        if status != _EE_OK:
            raise RuntimeError(f"eSpeak NG failed with status {status} on {clause!r}")
        return bytes(pcm)


def speakable_clauses(text: str) -> list[str]:
    """The gate: what may reach the library, as it crashes on much of what people write.

    Returns:
        Clauses of at most 160 characters, made of Vietnamese and ASCII letters, digits and spaces,
        words of at most 24 characters, starting with a letter or digit, ending with at most one of
        `.,;:!?`.
    """
    allowed = _UNSPEAKABLE.sub(" ", unicodedata.normalize("NFC", text))
    clauses = []
    for match in _CLAUSE.finditer(allowed):
        body, mark = match[0], ""
        if body[-1] in ".,;:!?":
            body, mark = body[:-1], body[-1]
        words = [
            word[start : start + _MAX_WORD_CHARACTERS]
            for word in body.split()
            for start in range(0, len(word), _MAX_WORD_CHARACTERS)
        ]
        pieces = _pack(words)
        if pieces:
            clauses += [*pieces[:-1], pieces[-1] + mark]
    return clauses


def _pack(words: list[str]) -> list[str]:
    """Join words by spaces into lines that leave room for a mark within the clause limit."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) < _MAX_CLAUSE_CHARACTERS:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


@cache
def _initialized_library() -> tuple[ctypes.CDLL, int]:
    """The library and its sample rate in Hz; once a process, as doing it again corrupts it."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    data_path = _short_path(espeakng_loader.get_data_path())
    sample_rate = library.espeak_Initialize(
        _AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MS, data_path.encode(), _INITIALIZE_DONT_EXIT
    )
    if sample_rate <= 0:
        raise RuntimeError(
            f"eSpeak NG cannot read its data in {data_path}; reinstall espeakng-loader"
        )
    return library, sample_rate


@cache
def _short_path(folder: str) -> str:
    """A path that the library has room for; the folder is held open where its own is too long."""
    if len(folder.encode()) <= _MAX_FOLDER_BYTES:
        return folder
    return f"/proc/self/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY)}"
