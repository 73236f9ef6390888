"""Schedules computation: one step of one utterance at a time, the most urgent first."""

import asyncio
import heapq
import itertools

_PASSES = 10
"""Event loop passes after a turn. In Python 3.11, a client that connects during a turn needs eight
of them, at either frontend: it is accepted, connected, started, read ..."""


class Turns:
    """Hands out turns to compute, one at a time.

    Between two turns the event loop serves its sockets, so a new client waits for one step, not for
    a step of every utterance. The next turn goes to the utterance with the earliest playback
    deadline.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()  # among equal deadlines, first come first served
        self._is_granting = False

    async def wait(self, deadline: float) -> None:
        """Wait for a turn, which lasts until the next `await` of the caller.

        Args:
            deadline: of playback: when the listener runs out of audio, by the event loop's clock.
        """
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        heapq.heappush(self._waiting, (deadline, next(self._order), turn))
        if not self._is_granting:
            self._is_granting = True
            loop.call_soon(self._grant)
        await turn

    def _grant(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():  # cancelled: its client has hung up
                turn.set_result(None)  # its utterance runs in the next pass
                self._pass(_PASSES)
                return
        self._is_granting = False

    def _pass(self, passes: int) -> None:
        """Grant the next turn after a number of event loop passes."""
        loop = asyncio.get_running_loop()
        if passes == 1:
            loop.call_soon(self._grant)
        else:
            loop.call_soon(self._pass, passes - 1)
