"""Loads the model on demand, and unloads it after a time without speech."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from ...errors import ModelError, SetupError, SynthesisError
from ...steps import Steps
from ..memory import give_back_freed_memory
from ..on_demand import OnDemand
from .convert import load_config
from .cpu.memory import resident_bytes
from .device import flow_type, give_back_memory, held_bytes, lm_type
from .model.loading import load_networks
from .model.weight_files import WeightFiles
from .networks.flow import Schedule, solver_schedule
from .networks.networks import Networks
from .quality import Quality

_LOGGER = logging.getLogger(__name__)

_TRIM_SECONDS = 60.0  # without speech
_MAX_GROWTH_BYTES = 600_000_000  # of resident memory; a sentence of 8 s frees 450 MB


@dataclass(frozen=True)
class LoadedModel:
    """The parts of a loaded model."""

    networks: Networks
    schedule: Schedule
    weight_files: WeightFiles


class ModelLoader(OnDemand[LoadedModel]):
    """Loads a model on demand, and unloads it after a time without speech."""

    def __init__(
        self,
        model_dir: Path,
        device: torch.device,
        quality: Quality,
        unload_after_minutes: float | None,
    ) -> None:
        """Read the configuration of a model directory.

        Args:
            unload_after_minutes: see `OnDemand`.

        Raises:
            ModelError: it cannot be used; the message says why.
        """
        super().__init__(unload_after_minutes)
        self.device = device
        self.config = load_config(model_dir)
        self._model_dir = model_dir
        self._quality = quality
        self._trimmed = self._last_used
        self._resident_bytes = 0

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """See `OnDemand`. At the end, return freed memory if there is much of it.

        A little is kept for the next sentence: new pages would take some percent of its time. But
        many sentences in a row fragment the heap, so that it grows.
        """
        with super().in_use():
            yield
        if resident_bytes() > self._resident_bytes + _MAX_GROWTH_BYTES:
            self._trim()

    def trim_unused(self) -> None:
        """Return unused memory a minute after speech."""
        if self._trimmed != self._last_used and self._idle_seconds >= _TRIM_SECONDS:
            self._trimmed = self._last_used
            self._trim()

    def _trim(self) -> None:
        give_back_freed_memory()
        if self._loaded is not None:
            self._loaded.weight_files.release_pages()
        self._resident_bytes = resident_bytes()

    def unload_unused(self) -> None:
        """Unload the model after enough time without speech."""
        if not self.is_unused:
            return
        before = held_bytes(self.device)
        self.unload()
        give_back_memory(self.device)
        _LOGGER.info(
            "Unloaded the neural engine after %g minutes without speech: %.0f MB given back",
            self._unload_after_seconds / 60,
            (before - held_bytes(self.device)) / 1e6,
        )

    def _load(self) -> Steps[LoadedModel]:
        started = time.perf_counter()
        try:
            loaded = yield from self._load_networks()
        except (OSError, SetupError, RuntimeError, MemoryError) as error:  # RuntimeError: PyTorch's
            reason = f"{error!s:.300}"
        else:
            _LOGGER.info("Loaded the neural engine in %.1f s", time.perf_counter() - started)
            return loaded
        # Only here are the loaded parts free: the error has held them.
        give_back_memory(self.device)
        raise SynthesisError(f"The neural engine cannot be loaded: {reason}")

    def _load_networks(self) -> Steps[LoadedModel]:
        if load_config(self._model_dir) != self.config:
            raise ModelError(
                f"the configuration in {self._model_dir} has been changed; start the server again"
            )
        networks = yield from load_networks(
            self._model_dir,
            self.device,
            lm_type(self.device, self._quality.int8_lm),
            flow_type(self.device, self._quality.reduced_flow),
        )
        yield
        schedule = solver_schedule(
            networks.flow, self._quality.solver_steps, self._quality.guidance_every
        )
        return LoadedModel(networks, schedule, WeightFiles(self._model_dir))
