"""Makes the engines, and lists the voices of all of them in one mapping, best engine first."""

import logging
import os
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..downloads.table import NATURAL_VOICE, VIENEU
from ..errors import SetupError
from ..program import command, how_to_install
from ..steps import Steps
from .cloning import CloningEngine
from .contract import Engine, EngineSettings, FileVoice, Voice
from .espeak.engine import EspeakEngine
from .piper.engine import PiperEngine
from .vieneu.engine import CLONING_FILES, VieNeuEngine

if TYPE_CHECKING:
    from .vietts.engine import VietTTSEngine

_LOGGER = logging.getLogger(__name__)


class Catalogue:
    """The voices of all engines.

    Embedded voices can be found even when they are not offered: an assistant that was set up with
    one of them still speaks after a better engine has been added.
    """

    def __init__(self, engines: Sequence[Engine], is_auto: bool) -> None:
        """Take engines, best first.

        Args:
            is_auto: offer the embedded voices while no engine has a voice.
        """
        self._engines = engines
        self._is_auto = is_auto
        self._failures: set[str] = set()

    @cached_property
    def _embedded(self) -> Engine:
        return EspeakEngine()

    @property
    def voices(self) -> Mapping[str, Voice]:
        """The voices on offer, by name; the first is the default."""
        return self._embedded.voices if self.has_embedded_only else self._offered()

    @property
    def has_embedded_only(self) -> bool:
        """Whether the embedded voices are on offer for want of better ones."""
        return self._is_auto and not self._offered()

    def _offered(self) -> dict[str, Voice]:
        offered: dict[str, Voice] = {}
        for engine in self._engines:
            for name, voice in engine.voices.items():
                offered.setdefault(name, voice)
        return offered

    @property
    def cloning_engines(self) -> Sequence[CloningEngine[Any]]:
        """The engines that make a voice of a recording, best first."""
        return [each for each in self._engines if isinstance(each, CloningEngine)]

    @property
    def piper(self) -> PiperEngine | None:
        """The engine of Piper voices."""
        return next((each for each in self._engines if isinstance(each, PiperEngine)), None)

    def look_again(self) -> Steps[None]:
        """Scan the folders of recordings and of Piper voices now."""
        for engine in (*self.cloning_engines, self.piper):
            if engine is not None:
                yield from engine.look_again()

    def made_of(self, files: Collection[Path]) -> Sequence[str]:
        """Return the names of the voices that have one of these as their main file."""
        return [
            name
            for name, voice in self.voices.items()
            if isinstance(voice, FileVoice) and voice.files[-1] in files
        ]

    def idle_work(self) -> Steps[None]:
        """Do the background work of the engines; log each failure once, and go on.

        See `Engine`.
        """
        for engine in self._engines:
            try:
                yield from engine.idle_work()
            except Exception as error:  # a damaged file must not stop other voices
                if repr(error) not in self._failures:
                    self._failures.add(repr(error))
                    _LOGGER.exception("Background work failed")

    def find(self, name: str) -> Voice | None:
        """Find a voice by name, on offer or not."""
        return self.voices.get(name) or self._embedded.voices.get(name)

    def first_taken(self, names: Iterable[str]) -> str | None:
        """Return the first of these names that is a voice's, on offer or not."""
        taken = {*self.voices, *self._embedded.voices}
        return next((name for name in names if name in taken), None)


def make_catalogue(names: Sequence[str], settings: EngineSettings) -> Catalogue:
    """Make the named engines, or with `auto` the best that are available.

    Raises:
        SetupError: an engine cannot be made; the message says what is missing.
    """
    if [*names] != ["auto"]:
        return Catalogue([_make_engine(name, settings) for name in names], is_auto=False)
    engines: list[Engine] = [_make_vieneu(settings), PiperEngine(settings)]
    if has_model(settings.model_dir):
        if find_spec("torch") is not None:
            engines.insert(0, make_vietts(settings))
        else:
            _LOGGER.warning("VietTTS cannot speak yet: the package torch is missing")
    return Catalogue(engines, is_auto=True)


def has_model(model_dir: Path) -> bool:
    """Whether a folder has a neural model, converted or as it was published."""
    # Path.is_file raises in a folder that cannot be entered.
    return any(os.path.isfile(model_dir / name) for name in ("config.json", "config.yaml"))


def _make_engine(name: str, settings: EngineSettings) -> Engine:
    if name == "vietts":
        return make_vietts(settings)
    if name == "espeak":
        return EspeakEngine()
    engine: Engine
    if name == "vieneu":
        engine, folder, download = _make_vieneu(settings), settings.vieneu_dir, VIENEU
        flag = "--vieneu-dir"
    else:
        engine, folder, download = PiperEngine(settings), settings.piper_dir, NATURAL_VOICE
        flag = "--piper-dir"
    if not engine.voices:
        way = command(f"download {download} {flag} {shlex.quote(str(folder))}")
        _LOGGER.warning("No %s voice in %s can speak; to get one: %s", name, folder, way)
    return engine


def _make_vieneu(settings: EngineSettings) -> VieNeuEngine:
    """Make the engine of VieNeu, which clones where the networks for it are.

    Its packages are needed only where its model is.
    """
    if all(os.path.isfile(settings.vieneu_dir / name) for name in CLONING_FILES):
        try:
            from .vieneu.cloning import VieNeuCloningEngine

            return VieNeuCloningEngine(settings)
        except ModuleNotFoundError as error:
            way = how_to_install("vieneu")
            _LOGGER.warning("VieNeu cannot clone without the package %s: %s", error.name, way)
    return VieNeuEngine(settings)


def make_vietts(settings: EngineSettings) -> "VietTTSEngine":
    """Make the neural engine; it may have no voice yet, as a recording may be added at any time.

    Raises:
        SetupError: a package or the model is missing, or the model cannot be used.
    """
    with neural_packages():
        from .vietts.engine import VietTTSEngine
    engine = VietTTSEngine(settings)
    if not engine.voices:
        _LOGGER.warning("No voice yet: put a recording of a few seconds into %s", engine.voices_dir)
    return engine


@contextmanager
def neural_packages() -> Iterator[None]:
    """Explain how to install packages that the neural voice needs."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SetupError(
            f"The neural voice needs the package {error.name}: {how_to_install('vietts')}"
        ) from error
