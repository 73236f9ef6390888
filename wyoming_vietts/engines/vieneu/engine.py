"""VieNeu voices: the presets of a model."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import SetupError
from ...program import how_to_install
from ...steps import Steps
from ..contract import Voice
from ..cores import granted_cores
from ..voice_folder import VoiceFolder
from .settings import PresetSettings

if TYPE_CHECKING:
    from .network import VieNeuNetwork
    from .voice import VieNeuVoice

PRESETS_FILE = "voices_v3_nano.json"
CLONING_FILES = ("speaker_encoder.onnx", "codec_encoder.onnx", "reference_encoder.onnx")
"""What makes a voice of a recording."""
AUTHOR = "Phạm Nguyễn Ngọc Bảo"
AUTHOR_URL = "https://huggingface.co/pnnbao-ump/VieNeu-TTS-v3-Nano"


class VieNeuEngine:
    """VieNeu-TTS v3 Nano, with its presets as voices."""

    def __init__(
        self,
        model_dir: Path,
        *,
        threads: int | None,
        quality: str | None,
        seed: int | None,
        unload_after_minutes: float | None = None,
        has_own_loudness: bool = False,
        device: str = "cpu",
    ) -> None:
        """Watch the folder of a model.

        Args:
            threads: for ONNX Runtime; None for the available cores.
            quality: exact for 16 steps of the solver and fast for 8; else as many as this machine
                keeps up with.
            seed: the same text always gives the same audio; with None, it differs each time.
            unload_after_minutes: without speech; None to stay loaded.
            has_own_loudness: voices are as loud as they were trained to be, not all alike.
            device: `cuda` or `cuda:N` for a GPU, if ONNX Runtime has one; else the CPU.
        """
        self.threads = threads or granted_cores()
        self._quality = quality
        self.seed = seed
        self._unload_after_minutes = unload_after_minutes
        self._has_own_loudness = has_own_loudness
        self._device = device
        self.network: VieNeuNetwork | None = None
        """None while there is no model."""
        self._presets = VoiceFolder(
            model_dir, _preset_name, self._make_presets, settings_type=PresetSettings
        )

    @staticmethod
    def is_installed() -> bool:
        return importlib.util.find_spec("onnxruntime") is not None

    @property
    def voices(self) -> Mapping[str, Voice]:
        """The voices that can speak now, by name."""
        voices = self._presets.voices
        if self.network is None or self.network.problem is not None:
            return {}
        return voices

    def idle_work(self) -> Steps[None]:
        """Unload unused networks, and scan the folder; see `Engine`."""
        if self.network is not None:
            self.network.unload_unused()
        yield from self._presets.scan()

    def _make_presets(
        self, name: str, file: Path, settings: PresetSettings
    ) -> "Steps[list[VieNeuVoice]]":
        if not self.is_installed():
            raise SetupError(f"the package onnxruntime is missing: {how_to_install('piper')}")
        # Imported only then: without a voice, a server needs no NumPy.
        from .config import SAMPLE_RATE
        from .network import FAST, FULL, VieNeuNetwork
        from .presets import load_presets
        from .voice import VieNeuVoice

        # A measured number of steps may change, and a seed promises the same audio.
        is_full = self._quality == "exact" or self.seed is not None
        schedule = FAST if self._quality == "fast" else FULL if is_full else None
        network = VieNeuNetwork(
            file.parent,
            self.threads,
            schedule,
            self._unload_after_minutes,
            adapts=self.seed is None,
            has_own_loudness=self._has_own_loudness,
            device=self._device,
        )
        yield
        yield from network.check()
        presets = yield from load_presets(file)
        self.network = network
        return [
            VieNeuVoice(
                name=preset.name,
                description=preset.label,
                languages=("vi-VN",),
                author=AUTHOR,
                author_url=AUTHOR_URL,
                sample_rate=SAMPLE_RATE,
                region=preset.region,
                network=network,
                features=preset.features,
                settings=settings,
                seed=self.seed,
            )
            for preset in presets
        ]


def _preset_name(path: Path) -> str | None:
    """Name the file of presets, by its path within the folder; None for other files."""
    return path.stem if path.name == PRESETS_FILE else None
