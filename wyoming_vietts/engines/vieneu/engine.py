"""VieNeu voices: the presets of a model."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ...errors import SetupError, SynthesisError
from ...program import how_to_install
from ...settings.table import SPEED, VOICE_VOLUME
from ...steps import Steps
from ..contract import EngineSettings, Voice
from ..voice_folder import VoiceFolder
from ..voice_settings import VoiceSettings

if TYPE_CHECKING:
    from .network import VieNeuNetwork
    from .voice import PresetVoice

PRESETS_FILE = "voices_v3_nano.json"
CLONING_FILES = ("speaker_encoder.onnx", "codec_encoder.onnx", "reference_encoder.onnx")
"""What makes a voice of a recording."""
AUTHOR = "Phạm Nguyễn Ngọc Bảo"
AUTHOR_URL = "https://huggingface.co/pnnbao-ump/VieNeu-TTS-v3-Nano"


@dataclass(frozen=True)
class PresetSettings(VoiceSettings):
    """The .toml beside the file of presets: speed and volume of all of them."""

    kinds: ClassVar = {"speed": SPEED.kind, "volume": VOICE_VOLUME}


class VieNeuEngine:
    """VieNeu-TTS v3 Nano, with its presets as voices."""

    def __init__(self, settings: EngineSettings) -> None:
        """Watch the folder of a model."""
        self.settings = settings
        self.network: VieNeuNetwork | None = None
        """None while there is no model."""
        self._presets = VoiceFolder(
            settings.vieneu_dir, _preset_name, self._make_presets, settings_type=PresetSettings
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

    def network_for_speech(self) -> "VieNeuNetwork":
        """Return the networks; raise SynthesisError if the model is gone."""
        if self.network is None:
            raise SynthesisError("The VieNeu model is gone")
        return self.network

    def idle_work(self) -> Steps[None]:
        """Unload unused networks, and scan the folder; see `Engine`."""
        if self.network is not None:
            self.network.unload_unused()
        yield from self._presets.scan()

    def _make_presets(
        self, name: str, file: Path, settings: PresetSettings
    ) -> "Steps[list[PresetVoice]]":
        if not self.is_installed():
            raise SetupError(f"the package onnxruntime is missing: {how_to_install('piper')}")
        # Imported only then: without a voice, a server needs no NumPy.
        from .config import SAMPLE_RATE
        from .network import VieNeuNetwork, chosen_schedule
        from .presets import load_presets
        from .voice import PresetVoice

        network = VieNeuNetwork(file.parent, self.settings, chosen_schedule(self.settings))
        yield
        yield from network.check()
        presets = yield from load_presets(file)
        self.network = network
        return [
            PresetVoice(
                name=preset.name,
                description=preset.label,
                languages=("vi-VN",),
                author=AUTHOR,
                author_url=AUTHOR_URL,
                sample_rate=SAMPLE_RATE,
                region=preset.region,
                settings=settings,
                engine=self,
                features=preset.features,
            )
            for preset in presets
        ]


def _preset_name(path: Path) -> str | None:
    """Name the file of presets, by its path within the folder; None for other files."""
    return path.stem if path.name == PRESETS_FILE else None
