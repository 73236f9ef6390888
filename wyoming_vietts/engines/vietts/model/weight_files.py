"""The weights files of a loaded model, which stay mapped into memory."""

import os
from pathlib import Path

from ....errors import SynthesisError
from ..cpu.memory import release_pages


class WeightFiles:
    """The weights files of a model directory, held open.

    Replacing a file is harmless, as its former content stays. Overwriting one in place changes the
    voice, and truncating one ends the process with a bus error.
    """

    def __init__(self, model_dir: Path) -> None:
        """Open the files, and take their sizes and times."""
        paths = sorted(path for kind in ("*.pt", "*.safetensors") for path in model_dir.glob(kind))
        self._files = [(path, os.open(path, os.O_RDONLY)) for path in paths]
        self._before = self._now()

    def check(self) -> None:
        """Check that no file has been changed in place.

        Raises:
            SynthesisError: one has been changed; the message names it.
        """
        for (path, _), before, now in zip(self._files, self._before, self._now(), strict=True):
            if before != now:
                raise SynthesisError(f"{path} has been changed under the server; start it again")

    def release_pages(self) -> None:
        """Release their pages in memory; the next use maps those that are still needed.

        Most are not: weights for positions fill a table once, and many others have been packed.
        """
        release_pages(file for _, file in self._files)

    def _now(self) -> list[tuple[int, int]]:
        statuses = (os.fstat(file) for _, file in self._files)
        return [(status.st_size, status.st_mtime_ns) for status in statuses]

    def __del__(self) -> None:
        for _, file in self._files:
            os.close(file)
