"""Loads a model when a voice needs it, and unloads it after a time without speech."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from ..steps import Shared, Steps

T = TypeVar("T")


class OnDemand(ABC, Generic[T]):
    """A model that the first user loads, and all users share."""

    def __init__(self, unload_after_minutes: float | None = None) -> None:
        """Load nothing yet.

        Args:
            unload_after_minutes: time without speech after which it is unused; None for never.
        """
        self._loaded: T | None = None
        self._loading: Shared[T] | None = None
        self._unload_after_seconds = 60 * (unload_after_minutes or math.inf)
        self._users = 0
        self._last_used = time.monotonic()

    @abstractmethod
    def _load(self) -> Steps[T]:
        """Load it, with pauses."""

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep it loaded within this context."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._last_used = time.monotonic()

    def load(self) -> Steps[T]:
        """Return it; load it first if necessary, with pauses. Several callers may share the work.

        Raises:
            SynthesisError: it cannot be loaded now.
        """
        if self._loaded is None:
            if self._loading is None:
                self._loading = Shared(self._load())
            loading = self._loading
            try:
                self._loaded = yield from loading.wait()
            finally:
                if loading.is_done and loading is self._loading:
                    self._loading = None
        return self._loaded

    @property
    def is_unused(self) -> bool:
        """Whether it takes memory after enough time without speech."""
        # A load that was abandoned takes memory, too.
        takes_memory = self._loaded is not None or self._loading is not None
        return takes_memory and self._idle_seconds >= self._unload_after_seconds

    @property
    def _idle_seconds(self) -> float:
        """Time since it was last used."""
        return 0.0 if self._users else time.monotonic() - self._last_used

    def unload(self) -> None:
        """Drop it."""
        self._loaded = self._loading = None
