"""Watches over the weight files, which stay mapped into memory for as long as the server runs."""

import os
from pathlib import Path

from ....errors import SynthesisError


class WeightFiles:
    """The weight files of a model directory, held open.

    A file that is replaced does no harm, as its former content stays. One that is overwritten in
    place would change the voice, and one that is cut off would end the process.
    """

    def __init__(self, model_dir: Path) -> None:
        """Note how the files are now."""
        paths = sorted(path for kind in ("*.pt", "*.safetensors") for path in model_dir.glob(kind))
        self._files = [(path, os.open(path, os.O_RDONLY)) for path in paths]
        self._before = self._now()

    def check(self) -> None:
        """Make sure that no file has been changed in place.

        Raises:
            SynthesisError: one has; the message names it.
        """
        for (path, _), before, now in zip(self._files, self._before, self._now(), strict=True):
            if before != now:
                raise SynthesisError(f"{path} has been changed under the server; start it again")

    def _now(self) -> list[tuple[int, int]]:
        statuses = (os.fstat(file) for _, file in self._files)
        return [(status.st_size, status.st_mtime_ns) for status in statuses]

    def __del__(self) -> None:
        for _, file in self._files:
            os.close(file)
