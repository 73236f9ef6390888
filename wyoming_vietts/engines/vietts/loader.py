"""Loads the model on demand, and unloads it after a time without speech."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from ...errors import ModelError, SetupError, SynthesisError
from ...steps import Shared, Steps
from .convert import load_config
from .device import flow_type, give_back_memory, held_bytes, lm_type
from .model.loading import load_networks
from .model.weight_files import WeightFiles
from .networks.flow import Schedule, solver_schedule
from .networks.networks import Networks
from .quality import Quality

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """The parts of a loaded model."""

    networks: Networks
    schedule: Schedule
    weight_files: WeightFiles


class ModelLoader:
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
            unload_after_minutes: time without speech after which it is unloaded; None for never.

        Raises:
            ModelError: it cannot be used; the message says why.
        """
        self.device = device
        self.config = load_config(model_dir)
        self._model_dir = model_dir
        self._quality = quality
        self._unload_after_minutes = unload_after_minutes
        self._loaded: LoadedModel | None = None
        self._loading: Shared[LoadedModel] | None = None
        self._users = 0
        self._last_used = time.monotonic()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the model loaded within this context."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._last_used = time.monotonic()

    def load(self) -> Steps[LoadedModel]:
        """Load the model unless it is loaded, with pauses; several callers may wait for it.

        Raises:
            SynthesisError: it cannot be loaded now.
        """
        if self._loaded is not None:
            return self._loaded
        if self._loading is None:
            self._loading = Shared(self._load())
        return (yield from self._loading.wait())

    def unload_unused(self) -> None:
        """Unload the model after enough time without speech."""
        limit = self._unload_after_minutes
        # A load that was abandoned holds memory, too.
        is_there = self._loaded is not None or self._loading is not None
        if limit is None or self._users or not is_there:
            return
        if time.monotonic() - self._last_used < 60 * limit:
            return
        before = held_bytes(self.device)
        self._loaded = self._loading = None
        give_back_memory(self.device)
        _LOGGER.info(
            "Unloaded the neural engine after %g minutes without speech: %.0f MB given back",
            limit,
            (before - held_bytes(self.device)) / 1e6,
        )

    def _load(self) -> Steps[LoadedModel]:
        started = time.perf_counter()
        try:
            loaded = yield from self._load_networks()
        except (OSError, SetupError, RuntimeError, MemoryError) as error:  # RuntimeError: PyTorch's
            reason = f"{error!s:.300}"
        else:
            self._loaded, self._loading = loaded, None
            _LOGGER.info("Loaded the neural engine in %.1f s", time.perf_counter() - started)
            return loaded
        # Only here are the loaded parts free: the error has held them.
        self._loading = None
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
            flow_type(self.device, self._quality.half_flow),
        )
        yield
        schedule = solver_schedule(
            networks.flow, self._quality.solver_steps, self._quality.guidance_every
        )
        return LoadedModel(networks, schedule, WeightFiles(self._model_dir))
