"""Networks in ONNX Runtime, from files that may be damaged or hostile."""

import logging
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from ...errors import SynthesisError, printable
from ...steps import Steps
from ..on_demand import OnDemand
from ..voice_folder import stamp
from .runs import EndlessRunError

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


class Network(OnDemand[T]):
    """Networks of one model, which are given up if they fail before they have ever spoken."""

    def __init__(
        self, source: Path, files: Sequence[Path], unload_after_minutes: float | None = None
    ) -> None:
        """Load nothing yet.

        Args:
            source: names the model in messages.
            files: those of its networks.
            unload_after_minutes: see `OnDemand`.
        """
        super().__init__(unload_after_minutes)
        self._source = source
        self._files = files
        self._has_spoken = False
        self._problem: tuple[str, object] | None = None

    @property
    def problem(self) -> str | None:
        """Why it cannot speak until a file changes; None if it can."""
        if self._problem is not None and self._problem[1] != self._stamps():
            self._problem = None
        return self._problem and self._problem[0]

    def load(self) -> Steps[T]:
        """Load the networks, or raise SynthesisError; see `OnDemand`."""
        if self.problem is not None:
            raise SynthesisError(self.problem)
        return (yield from super().load())

    @property
    def _ready(self) -> T:
        """What is loaded; SynthesisError if it was given up since, because of another sentence."""
        if self._loaded is None:
            raise SynthesisError(self.problem or f"{self._source} is not loaded")
        return self._loaded

    @abstractmethod
    def _load(self) -> Steps[T]:
        """Load them, with pauses; call `_cannot_load` if that fails."""

    def _cannot_load(self, error: Exception) -> SynthesisError:
        """Make the error of a request; give up files that are no networks."""
        if isinstance(error, (OSError, MemoryError)):
            return SynthesisError(f"{self._source} cannot be loaded now: {error!s:.300}")
        return self._give_up(f"{self._source} cannot be loaded: {error!s:.300}")

    @contextmanager
    def _judging(self) -> Iterator[None]:
        """Blame the networks for any error but a lack of memory: a graph can compute anything."""
        try:
            yield
        except MemoryError as error:
            raise SynthesisError(f"{self._source} needs more memory than there is") from error
        except Exception as error:
            message = printable(f"{self._source} fails: {error!s:.300}")
            # Endless runs would stop the server again and again.
            if self._has_spoken and not isinstance(error, EndlessRunError):
                raise SynthesisError(message) from error
            raise self._give_up(message) from error

    def _give_up(self, problem: str) -> SynthesisError:
        self._problem = (printable(problem), self._stamps())
        self.unload()
        _LOGGER.warning("A voice cannot speak until its file changes: %s", self._problem[0])
        return SynthesisError(self._problem[0])

    def _stamps(self) -> object:
        stamps: dict[Path, object] = {}
        for path in self._files:
            with suppress(OSError):
                stamps[path] = stamp(path)
        return stamps
