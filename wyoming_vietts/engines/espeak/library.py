"""eSpeak NG in process; its library comes in a wheel."""

import ctypes
import os
from functools import cache
from pathlib import Path

import espeakng_loader

from ...errors import SetupError, SynthesisError

# Values of espeak_ng/speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_IPA = 2
_ENDPAUSE = 0x1000
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_EE_OK = 0
_MIN_RATE, _MAX_RATE = 80, 450

_BUFFER_MS = 60
_MAX_FOLDER_BYTES = 40  # the library finds no voice whose path has 60 bytes or more

_ON_AUDIO = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Library:
    """Speaks clauses that have passed the gate.

    The library has global state. Voice, parameters and callback are set before each clause, so
    utterances may take turns.
    """

    def __init__(self) -> None:
        """Load the library and its data; only once per process, as loading it again corrupts it.

        Raises:
            SetupError: the library refuses its data folder.
        """
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        data_path = _short_path(espeakng_loader.get_data_path())
        self.sample_rate: int = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MS, data_path.encode(), _INITIALIZE_DONT_EXIT
        )
        if self.sample_rate <= 0:
            raise SetupError(
                f"eSpeak NG cannot read its data in {data_path}; reinstall espeakng-loader"
            )

    def speak(
        self,
        clause: str,
        voice_file: Path,
        words_per_minute: int,
        pitch: int,
        pitch_range: int,
        amplitude: int,
    ) -> bytes:
        """Return the PCM of a clause, at the library's sample rate.

        Args:
            clause: as the gate returns it.
            voice_file: settings of a voice, in the library's own format.
            words_per_minute: 80 to 450; other values are clamped to this range.
            pitch: base pitch, 0-100.
            pitch_range: 0-100.
            amplitude: 0-200.

        Raises:
            SynthesisError: the voice cannot be loaded, or the library fails.
        """
        pcm = bytearray()

        def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
            if samples and count > 0:
                pcm.extend(ctypes.string_at(samples, 2 * count))
            return 0

        on_audio = _ON_AUDIO(collect)  # the library needs it until the end

        library = self._library
        library.espeak_SetSynthCallback(on_audio)
        path = f"{_short_path(str(voice_file.parent))}/{voice_file.name}"
        status = library.espeak_SetVoiceByFile(path.encode())
        if status != _EE_OK:
            raise SynthesisError(f"eSpeak NG cannot load the voice {path}: status {status}")
        rate = min(_MAX_RATE, max(_MIN_RATE, words_per_minute))
        library.espeak_SetParameter(_RATE, rate, 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        library.espeak_SetParameter(_RANGE, pitch_range, 0)
        library.espeak_SetParameter(_VOLUME, amplitude, 0)
        utf8 = clause.encode()
        status = library.espeak_Synth(
            utf8, len(utf8) + 1, 0, 0, 0, _CHARS_UTF8 | _ENDPAUSE, None, None
        )
        if status != _EE_OK:
            raise SynthesisError(f"eSpeak NG failed with status {status} on {clause!r}")
        return bytes(pcm)

    def has_voice(self, name: str) -> bool:
        """Return whether the library knows a voice, such as `vi` or `vi-vn-x-south`."""
        return bool(self._library.espeak_SetVoiceByName(name.encode()) == _EE_OK)

    def phonemes(self, clause: str, voice: str) -> str:
        """Return the phonemes of a clause in the International Phonetic Alphabet.

        Args:
            clause: as the gate returns it.
            voice: a name that the library knows, such as `vi` or `vi-vn-x-south`.

        Raises:
            SynthesisError: the library has no such voice.
        """
        library = self._library
        if library.espeak_SetVoiceByName(voice.encode()) != _EE_OK:
            raise SynthesisError(f"eSpeak NG has no voice '{voice}'")
        text = ctypes.c_char_p(clause.encode())
        spoken = b""
        while text.value is not None:  # the library advances it, to NULL at the end
            spoken += library.espeak_TextToPhonemes(ctypes.byref(text), _CHARS_UTF8, _IPA) or b""
        return spoken.decode()


@cache
def load_library() -> Library:
    """Return the library of this process; see `Library`."""
    return Library()


@cache
def _short_path(folder: str) -> str:
    """Return a path short enough for the library; for a long one, that of an open descriptor.

    Raises:
        SetupError: it is too long, and there is no /proc.
    """
    if len(folder.encode()) <= _MAX_FOLDER_BYTES:
        return folder
    path = f"/proc/self/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY)}"
    if not os.path.isdir(path):
        raise SetupError(
            f"eSpeak NG needs /proc, which is not mounted here, as {folder} has more than "
            f"{_MAX_FOLDER_BYTES} bytes; mount it, or install this program into a shorter path"
        )
    return path
