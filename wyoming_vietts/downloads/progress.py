"""Shows the progress of a download: a bar on a terminal, lines in a log."""

import logging
import os
import sys
import time

_LOGGER = logging.getLogger(__name__)

_BAR_SECONDS, _LOG_SECONDS = 0.1, 5.0  # between two updates


class Progress:
    """The progress of one file."""

    def __init__(self, name: str, size: int) -> None:
        """Show the progress of a file of `size` bytes."""
        self._name = name
        self._size = size
        self._on_terminal = sys.stderr.isatty()
        self._interval = _BAR_SECONDS if self._on_terminal else _LOG_SECONDS
        self._shown_at = time.monotonic()

    def show(self, done: int) -> None:
        """Show that `done` bytes are complete, unless the last update is too recent."""
        now = time.monotonic()
        if done < self._size and now < self._shown_at + self._interval:
            return
        self._shown_at = now
        percent, megabytes = 100 * done // self._size, f"{self._size / 1e6:.3g} MB"
        if not self._on_terminal:
            _LOGGER.info("%s: %d %% of %s", self._name, percent, megabytes)
            return
        before, after = f"{self._name}: {percent:3}%|", f"| of {megabytes}"
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
        room = max(0, columns - len(before) - len(after) - 1)
        sys.stderr.write(f"\r{before}{'#' * (room * done // self._size):{room}}{after}")
        sys.stderr.flush()

    def close(self) -> None:
        """End the bar's line."""
        if self._on_terminal:
            sys.stderr.write("\n")
