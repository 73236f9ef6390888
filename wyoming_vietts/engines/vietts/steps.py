"""Long computations in short steps: generators that yield None and return their result."""

from collections.abc import Generator
from typing import TypeVar

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
