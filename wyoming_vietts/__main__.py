"""The `wyoming-vietts` command: the one TTS instance, and the server around it."""

import argparse
import asyncio
import gc
import logging
import signal
import sys
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from .discovery import Announcement, DiscoveryError
from .espeak import EspeakTTS
from .handler import Handler
from .options import parse_options
from .server import Server, parse_uri
from .speech import SAMPLE_WIDTH, SpeechSettings
from .text import Lexicon
from .tts import TTS
from .voices import choose_voice

if TYPE_CHECKING:
    from .vietts.tts import VietTTS

_LOGGER = logging.getLogger(__package__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; returns the exit status."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    # Standard output belongs to the client where the server talks over stdio.
    logging.basicConfig(
        level=logging.DEBUG if options.debug else logging.INFO,
        format=options.log_format,
        stream=sys.stderr,
    )
    try:
        if options.command == "voices":
            _list_voices(options)
        elif options.command == "convert":
            _convert(options)
        elif options.command == "download":
            _download(options)
        else:
            asyncio.run(_serve(options))
    except (OSError, ValueError, RuntimeError) as error:
        _LOGGER.critical("%s", error)
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    """Build everything, then serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop_signal, stop.set)

    announcement = _announcement(options)
    gc.disable()  # nothing that is loaded is garbage: looking for it takes 5 % of a start
    tts = _make_tts(options)
    gc.freeze()
    gc.enable()
    settings = SpeechSettings(
        voice=options.voice,
        speed=options.speed,
        sentence_silence_seconds=options.sentence_silence,
        max_text_characters=options.max_text,
        lexicon=Lexicon.load(options.lexicon) if options.lexicon else None,
    )
    if settings.voice is not None:
        choose_voice(tts.voices, settings.voice)  # a wrong name shows now, not at a request
    server = Server(
        options.uri,
        partial(Handler, tts, settings, options.samples_per_chunk, not options.no_streaming),
    )
    try:
        await server.start()
    except OSError as error:
        raise OSError(f"Cannot listen on {options.uri}: {error}") from error
    _LOGGER.info("Ready on %s with %d voices", options.uri, len(tts.voices))
    if announcement is not None:
        await announcement.publish()
        _LOGGER.info("Announced as '%s' at %s", announcement.name, announcement.address)
    await server.wait(stop.wait())
    server.stop_accepting()
    if announcement is not None:
        await announcement.withdraw()
    await server.finish()
    _LOGGER.info("Stopped")


def _list_voices(options: argparse.Namespace) -> None:
    for voice in _make_tts(options).voices.values():
        print(f"{voice.name}\t{', '.join(voice.languages)}\t{voice.description}")


def _convert(options: argparse.Namespace) -> None:
    """Voice conversion, to a WAV file."""
    tts = _make_vietts(options)
    choose_voice(tts.voices, None, options.target)
    pcm = b"".join(tts.convert(options.recording, options.target))
    with wave.open(str(options.output), "wb") as wav:
        wav.setframerate(tts.sample_rate)
        wav.setsampwidth(SAMPLE_WIDTH)
        wav.setnchannels(1)
        wav.writeframes(pcm)
    _LOGGER.info("Wrote %s", options.output)


def _download(options: argparse.Namespace) -> None:
    with _neural_packages():
        from .vietts.download import download_model
    download_model(options.model_dir)


def _announcement(options: argparse.Namespace) -> Announcement | None:
    if options.zeroconf is None:
        return None
    scheme, host, port = parse_uri(options.uri)
    if scheme != "tcp":
        raise DiscoveryError(f"--zeroconf needs a tcp:// address, not {options.uri}")
    return Announcement(host, port, options.zeroconf or None)


def _make_tts(options: argparse.Namespace) -> TTS:
    """The engine that was asked for; `auto` is vietts where there is a model."""
    has_model = (options.model_dir / "config.yaml").is_file()
    if options.engine == "vietts" or (options.engine == "auto" and has_model):
        return _make_vietts(options)
    if options.engine == "auto":
        _LOGGER.info(
            "Speaking with eSpeak NG; for the neural voice: wyoming-vietts download --model-dir %s",
            options.model_dir,
        )
    return EspeakTTS()


def _make_vietts(options: argparse.Namespace) -> "VietTTS":
    """The neural engine; serving without a voice is no error, as one may be put there any time."""
    with _neural_packages():
        from .vietts.tts import VietTTS
    tts = VietTTS(
        options.model_dir,
        options.voices_dir or options.model_dir / "voices",
        device=options.device,
        threads=options.threads,
        quality=options.quality,
        streams_sentences=not options.no_streaming,
        seed=options.seed,
    )
    if not tts.voices:
        _LOGGER.warning("No voice yet: put a recording of a few seconds into %s", tts.voices_dir)
    return tts


@contextmanager
def _neural_packages() -> Iterator[None]:
    """For imports of what only the neural voice needs: says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"The neural voice needs the package {error.name}: "
            "script/setup vietts, or pip install 'wyoming-vietts[vietts]'"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
