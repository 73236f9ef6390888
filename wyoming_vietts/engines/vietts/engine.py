"""The neural engine: its cloned voices, and everything they share."""

import logging
import secrets
from collections.abc import Mapping
from pathlib import Path

import torch

from ...steps import Steps
from ..cloning import CloningEngine
from ..contract import EngineSettings
from ..memory import keep_freed_memory
from ..voice_settings import VoiceSettings
from .cpu.memory import bound_primitive_caches
from .cpu.spare_cores import SpareCores
from .device import choose_device
from .loader import ModelLoader
from .model.tokenizer import load_tokenizer
from .prompt.cache import VoiceCache
from .quality import QUALITIES, default_quality
from .voice import VietTTSVoice

_LOGGER = logging.getLogger(__name__)


class VietTTSEngine(CloningEngine[VietTTSVoice]):
    """VietTTS, with every recording of a folder as a voice."""

    name = "vietts"
    features: VoiceCache

    def __init__(self, settings: EngineSettings) -> None:
        """Read the configuration of a model; a voice loads its networks.

        By default, it uses the cores that other processes leave idle; with a seed, all cores.

        Raises:
            ModelError, SetupError: the message says what is wrong, and where.
        """
        super().__init__(settings.recordings_dir)
        model_dir = settings.model_dir
        self._device = choose_device(settings.device)
        # Rounding depends on the number of threads, and a seed promises the same audio.
        adapts = settings.threads is None and settings.seed is None
        threads = settings.computing_threads
        torch.set_num_threads(threads)
        self._spare_cores = SpareCores(threads) if adapts else None
        keep_freed_memory()
        bound_primitive_caches()
        quality = settings.quality or default_quality(self._device)
        _LOGGER.info("VietTTS on %s, %d threads, quality %s", self._device, threads, quality)
        self.quality = QUALITIES[quality]
        self.loader = ModelLoader(model_dir, self._device, self.quality, settings.unload_after)
        config = self.loader.config
        self.tokenizer = load_tokenizer(model_dir, config.lm.text_vocabulary)
        self.features = VoiceCache(model_dir, config, threads, str(self._device))
        self.streams_sentences = not settings.no_streaming
        self.has_own_loudness = settings.own_loudness
        self._seed = settings.seed
        self.sample_rate: int = config.hift.sample_rate

    @property
    def voices(self) -> Mapping[str, VietTTSVoice]:
        return self._recordings.voices

    @property
    def device(self) -> str:
        return str(self._device)

    @torch.inference_mode()
    def idle_work(self) -> Steps[None]:
        """Unload unused networks; then see `CloningEngine`."""
        self.loader.trim_unused()
        self.loader.unload_unused()
        yield from super().idle_work()

    def _make_voice(self, name: str, recording: Path, settings: VoiceSettings) -> VietTTSVoice:
        return VietTTSVoice(
            name=name,
            description=settings.description or name,
            languages=(settings.language,),
            author="VietTTS",
            author_url="https://github.com/dangvansam/viet-tts",
            sample_rate=self.sample_rate,
            recording=recording,
            settings=settings,
            engine=self,
        )

    def use_spare_cores(self) -> None:
        """Use as many threads as other processes leave cores idle."""
        if self._spare_cores is not None and self._spare_cores.update():
            torch.set_num_threads(self._spare_cores.count)

    def random_generators(self) -> tuple[torch.Generator, torch.Generator]:
        """Make the random generators of one sentence: for its tokens, and for its sound."""
        seed = secrets.randbits(62) if self._seed is None else self._seed
        lm_draws, audio_draws = (torch.Generator(self._device) for _ in range(2))
        return lm_draws.manual_seed(seed), audio_draws.manual_seed(seed + 1)
