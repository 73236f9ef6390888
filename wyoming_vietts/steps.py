"""Long computations in short steps: generators that pause, and return their result."""

import asyncio
from collections.abc import Generator
from contextlib import closing
from typing import Generic, TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""A computation that yields None as a pause; `yield from` it to run it and get its result."""


def finish(steps: Steps[T]) -> T:
    """Run a computation to its end, without a pause, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


async def finish_in_turns(steps: Steps[T]) -> T:
    """Run a computation to its end in the event loop, which serves others at each pause."""
    with closing(steps):
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            await asyncio.sleep(0)


class Shared(Generic[T]):
    """A computation that several callers wait for; each of them advances it."""

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._result: list[T] = []
        self._error: Exception | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is a result or an error."""
        return bool(self._result) or self._error is not None

    def wait(self) -> Steps[T]:
        """Advance the computation until it ends, and return its result.

        Raises:
            Exception: that of the computation, for every caller.
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
