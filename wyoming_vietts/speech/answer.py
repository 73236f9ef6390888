"""An answer under way: what its listener has heard, and the figures for the log."""

import time

from .speech import PCM, Speech


class Answer:
    """Speech that is being made for one listener."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.started = 0.0  # when its first text came, by the event loop's clock
        self.deadline = 0.0  # when the listener runs out of audio, or has waited for some since
        self.first_audio_seconds: float | None = None
        self.computing_seconds = 0.0

    def resume(self) -> None:
        """Text has come, so there is something to compute from now on."""
        now = time.monotonic()
        self.started = self.started or now
        self.deadline = max(self.deadline, now)

    def plays(self, seconds: float) -> None:
        """The listener has so much more audio, and hears it at once if there was none left."""
        self.deadline = max(self.deadline, time.monotonic()) + seconds

    def next_piece(self, pcm_pieces: PCM) -> bytes | None:
        """Run one step of the computation; None at its end."""
        started = time.perf_counter()
        pcm = next(pcm_pieces, None)
        self.computing_seconds += time.perf_counter() - started
        self.deadline = max(self.deadline, time.monotonic())  # those who are late take turns
        return pcm
