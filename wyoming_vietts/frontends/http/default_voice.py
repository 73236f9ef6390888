"""Keeps the default voice that was chosen on the page."""

import logging
from dataclasses import replace
from pathlib import Path

from ...errors import UnknownVoiceError
from ...files import read_bytes, replace_file
from ...speech.synthesizer import Synthesizer

_LOGGER = logging.getLogger(__name__)

_MAX_BYTES = 1000
_MAX_PROBLEM_CHARACTERS = 200  # the error lists every voice


class DefaultVoice:
    """The chosen default voice, in a file that outlives restarts.

    The later one of two choices counts: the page's, or a `--voice` that was not the same then.
    """

    def __init__(self, synthesizer: Synthesizer, voices_dir: Path) -> None:
        """Keep it in a hidden file of a folder, which need not exist yet."""
        self._synthesizer = synthesizer
        self._file = voices_dir / ".default-voice"
        self._of_flag = synthesizer.settings.voice

    def restore(self) -> None:
        """Restore the choice, unless that voice is gone or `--voice` has changed since."""
        if not self._file.exists():
            return
        try:
            name, of_flag = f"{read_bytes(self._file, _MAX_BYTES).decode()}\n".split("\n")[:2]
            if of_flag == (self._of_flag or ""):
                self._use(name)
        except (OSError, UnicodeDecodeError, UnknownVoiceError) as error:
            problem = (
                str(error)
                if len(str(error)) <= _MAX_PROBLEM_CHARACTERS
                else f"{error!s:.{_MAX_PROBLEM_CHARACTERS}}..."
            )
            problem = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in problem)
            _LOGGER.warning("The default voice that was chosen is not used: %s", problem)

    def choose(self, name: str) -> None:
        """Use a voice from now on.

        Raises:
            UnknownVoiceError: there is none of this name.
            OSError: the choice cannot be kept.
        """
        self._synthesizer.choose_voice(name)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._file, f"{name}\n{self._of_flag or ''}\n".encode())
        self._use(name)

    def is_of_flag(self, name: str) -> bool:
        """Tell whether `--voice` names this voice, so that a start without it would fail."""
        return name == self._of_flag

    def forget(self, name: str) -> None:
        """Return to the voice of the flag, or the first, if this one was the default."""
        if self._synthesizer.settings.voice == name:
            self._synthesizer.settings = replace(self._synthesizer.settings, voice=self._of_flag)
            self._file.unlink(missing_ok=True)

    def _use(self, name: str) -> None:
        self._synthesizer.choose_voice(name)
        self._synthesizer.settings = replace(self._synthesizer.settings, voice=name)
