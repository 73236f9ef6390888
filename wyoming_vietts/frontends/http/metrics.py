"""Metrics for Prometheus, updated when a request ends."""

import platform
import statistics
import time
from collections import deque

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from ... import __version__
from ...speech.synthesizer import Synthesizer
from ...speech.utterance import Outcome

disable_created_metrics()  # type: ignore[no-untyped-call]  # useless, and as many lines again

_RECENT_ANSWERS = 20
_FIRST_AUDIO_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_REAL_TIME_FACTORS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 3.0)


class Metrics:
    """Counts the requests of all frontends by how they end."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        """Listen to a synthesizer from now on."""
        self._started = time.monotonic()
        self._recent_factors: deque[float] = deque(maxlen=_RECENT_ANSWERS)
        self.requests = 0
        registry = self._registry = CollectorRegistry()
        build = Info("vietts_build", "The program that answers", registry=registry)
        build.info({"version": __version__, "python": platform.python_version()})
        self._outcomes = Counter(
            "vietts_requests",
            "Requests for speech, by how they ended",
            ["door", "voice", "outcome"],
            registry=registry,
        )
        self._audio = Counter(
            "vietts_audio_seconds", "Seconds of speech made", ["door", "voice"], registry=registry
        )
        self._busy = Counter(
            "vietts_busy_seconds", "Seconds spent computing speech", registry=registry
        )
        self._first_audio = Histogram(
            "vietts_first_audio_seconds",
            "Seconds from a request's first text to its first audio",
            ["voice"],
            buckets=_FIRST_AUDIO_SECONDS,
            registry=registry,
        )
        self._factors = Histogram(
            "vietts_real_time_factor",
            "Seconds of computing for a second of speech",
            ["voice"],
            buckets=_REAL_TIME_FACTORS,
            registry=registry,
        )
        under_way = Gauge("vietts_utterances_under_way", "Answers being made", registry=registry)
        under_way.set_function(lambda: synthesizer.under_way)
        ProcessCollector(registry=registry)
        synthesizer.on_outcome.append(self._count)

    @property
    def uptime_seconds(self) -> float:
        return time.monotonic() - self._started

    @property
    def real_time_factor(self) -> float | None:
        """The median of recent answers; None without any."""
        return statistics.median(self._recent_factors) if self._recent_factors else None

    @property
    def memory_bytes(self) -> float:
        """Resident memory of this process; 0 where unknown."""
        return self._registry.get_sample_value("process_resident_memory_bytes") or 0.0

    async def handle(self, request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    def _count(self, outcome: Outcome) -> None:
        self.requests += 1
        self._outcomes.labels(outcome.door, outcome.voice, outcome.ending).inc()
        if not outcome.voice:
            return
        self._audio.labels(outcome.door, outcome.voice).inc(outcome.audio_seconds)
        self._busy.inc(outcome.computing_seconds)
        if outcome.first_audio_seconds is not None:
            self._first_audio.labels(outcome.voice).observe(outcome.first_audio_seconds)
        if outcome.audio_seconds > 0:
            factor = outcome.computing_seconds / outcome.audio_seconds
            self._factors.labels(outcome.voice).observe(factor)
            self._recent_factors.append(factor)
