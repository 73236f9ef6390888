"""Whose turn it is: one step of one utterance at a time, the most urgent first."""

import asyncio
import heapq
import itertools

_PASSES = 10
"""Of the event loop after a turn. A client that came during it is accepted in one, connected,
started, read, woken ...: after eight it waits for the next turn, in Python 3.11, at either door."""


class Turns:
    """Hands out turns to compute, one at a time.

    Between two turns the loop serves its sockets: so a question or a newcomer waits for the step
    under way, not for a step of everybody. The next turn goes to the utterance whose listener runs
    out of audio first.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()  # first come, first served where deadlines are equal
        self._is_granting = False

    async def wait(self, deadline: float) -> None:
        """Wait for a turn, which lasts until the caller awaits anything else.

        Args:
            deadline: when the listener runs out of audio, by the event loop's clock in seconds.
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
            if not turn.done():  # as one is whose client has hung up
                turn.set_result(None)  # whoever waits for it runs in the loop's next pass
                self._pass(_PASSES)
                return
        self._is_granting = False

    def _pass(self, passes: int) -> None:
        """Let so many passes of the loop go by before the next turn."""
        loop = asyncio.get_running_loop()
        if passes == 1:
            loop.call_soon(self._grant)
        else:
            loop.call_soon(self._pass, passes - 1)
