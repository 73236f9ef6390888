"""Ends the runs of networks that compute for too long: a graph does not tell how long it does.

ONNX Runtime ends a run after the operator at hand, if another thread asks for it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar
from weakref import WeakSet

from ...steps import Steps

T = TypeVar("T")

_STEP_SECONDS = 0.02  # of waiting for a first run
_WATCH_SECONDS = 0.1

_first_runs: WeakSet[Future[Any]] = WeakSet()
"""Some of them may be abandoned, and still under way."""
_watched_run: tuple[Any, float] | None = None
"""The options of the run in place, and its end in processor time."""


class EndlessRunError(ValueError):
    """A network computes for longer than any of its kind."""


def run_in_thread(run: Callable[[], T], options: Any, end: float) -> Steps[T]:
    """Wait for a run, with pauses, until the process has computed up to a time.

    After that time it is abandoned, also amid an operator.

    Raises:
        TimeoutError: it takes longer.
        MemoryError: there are no more threads.
    """
    result: Future[T] = Future()

    def compute() -> None:
        try:
            result.set_result(run())
        except Exception as error:
            result.set_exception(error)

    _first_runs.add(result)
    _start_thread(compute)
    try:
        while not result.done():
            if time.process_time() > end:
                raise TimeoutError
            wait([result], _STEP_SECONDS)
            yield
        return result.result()
    finally:
        options.terminate = True  # also if the client has hung up


def is_first_run_under_way() -> bool:
    """Tell whether a first run computes now, be it abandoned."""
    return not all(run.done() for run in _first_runs)


@contextmanager
def watched(options: Any, end: float) -> Iterator[None]:
    """Have the run in place ended when the process has computed up to a time."""
    global _watched_run
    _watched_run = options, end
    try:
        yield
    finally:
        _watched_run = None


@cache
def start_watch() -> None:
    """Start the thread that ends runs in place, once.

    Raises:
        MemoryError: there are no more threads.
    """

    def watch() -> None:
        while True:
            time.sleep(_WATCH_SECONDS)
            if run := _watched_run:  # read once, as it may end at any time
                options, end = run
                if time.process_time() > end:
                    options.terminate = True

    _start_thread(watch)


def _start_thread(target: Callable[[], None]) -> None:
    try:
        threading.Thread(target=target, daemon=True).start()
    except RuntimeError as error:
        raise MemoryError("no more threads") from error
