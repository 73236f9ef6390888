"""Piper voices, of the files in a folder."""

import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...downloads.table import DOWNLOADS
from ...errors import SetupError
from ...program import how_to_install
from ...steps import Steps
from ..contract import EngineSettings
from ..voice_folder import VoiceFolder
from .config import COMPANIONS, PiperConfig, PiperSettings, load_config, voice_name

if TYPE_CHECKING:
    from .voice import PiperVoice

_LOGGER = logging.getLogger(__name__)


class PiperEngine:
    """Makes voices of the Piper files in a folder."""

    def __init__(self, settings: EngineSettings) -> None:
        """Watch a folder for NAME.onnx and NAME.onnx.json.

        With any seed, voices speak without noise: the same text, the same audio.
        """
        self._settings = settings
        self.voices_dir = settings.piper_dir
        self._folder = VoiceFolder(
            self.voices_dir,
            _voice_name,
            self._make_voices,
            companions=COMPANIONS,
            settings_type=PiperSettings,
        )

    @staticmethod
    def is_installed() -> bool:
        return importlib.util.find_spec("onnxruntime") is not None

    @property
    def voices(self) -> "Mapping[str, PiperVoice]":
        """The voices that can speak now, by name."""
        voices = self._folder.voices
        return {name: voice for name, voice in voices.items() if voice.network.problem is None}

    def idle_work(self) -> Steps[None]:
        return self._folder.scan()

    def look_again(self) -> Steps[None]:
        return self._folder.look_again()

    def check(self, network: Path, config: Path) -> Steps[PiperConfig]:
        """Check the files of a voice, and return its configuration.

        Raises:
            SetupError: they are no Piper voice, or a package is missing; the message says why.
            OSError: they cannot be read.
        """
        if not self.is_installed():
            raise SetupError(f"the package onnxruntime is missing: {how_to_install('piper')}")
        # Imported here: without a voice, a server needs no NumPy.
        from .network import check_voice_file

        check_voice_file(network)
        yield
        return load_config(config)

    def _make_voices(
        self, name: str, file: Path, settings: PiperSettings
    ) -> "Steps[list[PiperVoice]]":
        """Make a voice for each speaker of a file."""
        config = yield from self.check(file, file.with_name(f"{file.name}.json"))
        from .network import PiperNetwork
        from .voice import PiperVoice

        if tones := config.missing_tones:
            _LOGGER.warning(
                "Voice '%s' was trained without %d of the six tones, so it mispronounces them",
                *(name, len(tones)),
            )
        scales = config.scales.changed_by(settings)
        if self._settings.seed is not None:
            scales = scales.without_noise()
        threads, device = self._settings.computing_threads, self._settings.device
        network = PiperNetwork(file, config.sample_rate, threads, device)
        description = settings.description or (DOWNLOADS[name].label if name in DOWNLOADS else name)
        speakers: Mapping[str, int | None] = config.speakers or {"": None}
        return [
            PiperVoice(
                name=voice_name(name, speaker),
                description=" ".join(filter(None, (description, speaker))),
                languages=(settings.language or config.language,),
                file=file,
                author="Piper",
                author_url="https://github.com/OHF-Voice/piper1-gpl",
                sample_rate=config.sample_rate,
                network=network,
                config=config,
                speaker=number,
                scales=scales,
                settings=settings,
                has_own_loudness=self._settings.own_loudness,
                adapts=self._settings.seed is None,
            )
            for speaker, number in speakers.items()
        ]


def _voice_name(path: Path) -> str | None:
    """Name the voice of a file, by its path within the folder."""
    return path.stem if path.suffix == ".onnx" else None
