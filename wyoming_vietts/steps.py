"""Long computations in short steps: generators that yield None and return their result."""

from collections.abc import Generator
from typing import Generic, TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""A computation that pauses now and then; ``yield from`` it to run it and get its result."""


def finish(steps: Steps[T]) -> T:
    """Run a computation to its end, without a pause, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def in_turns(steps: Steps[T]) -> Generator[bytes, None, T]:
    """Run a long computation; yield empty PCM at each of its pauses."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        yield b""


class _Waiting(bytes):
    """Empty, as there is no audio."""


WAITING = _Waiting()
"""What a computation yields that can only wait; it needs no turn to look whether it still must."""


class Shared(Generic[T]):
    """A computation that several may wait for; each of them runs it a step further."""

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._result: list[T] = []
        self._error: Exception | None = None

    @property
    def is_done(self) -> bool:
        """There is a result, or an error."""
        return bool(self._result) or self._error is not None

    def wait(self) -> Steps[T]:
        """Run the computation to its end, or see others run it, and return its result.

        Raises:
            Exception: what the computation raises, to each that waits.
        """
        while not self.is_done:
            try:
                next(self._steps)
            except StopIteration as end:
                self._result = [end.value]
            except Exception as error:
                self._error = error
            else:
                yield
        if self._error is not None:
            raise self._error
        return self._result[0]


class Places:
    """Lets some computations of PCM hold memory at a time; others wait until one of them ends."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._computations: list[Generator[bytes, None, None]] = []

    def run(self, computation: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
        """Run a computation; yield `WAITING` until there is a place for it."""
        self._computations.append(computation)
        try:
            while computation not in self._computations[: self._places]:
                yield WAITING
            yield from computation
        finally:
            self._computations.remove(computation)
