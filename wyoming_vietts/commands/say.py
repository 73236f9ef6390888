"""Speaks a text through a running server: plays it, or writes a WAV file."""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from wyoming.event import Event
from wyoming.tts import Synthesize, SynthesizeTextFormat, SynthesizeVoice

from ..errors import SetupError, SynthesisError
from ..program import command
from ..settings.addresses import reachable
from ..settings.table import LEXICON
from ..text import LexiconFile, speakable, split_sentences
from .client import ask, shown
from .language import NO_PLAYER, NOTHING_TO_SAY, translated
from .wav import Speech, check_output

_PLAYERS = (
    ["paplay"],
    ["pw-play"],
    ["aplay", "-q"],
    ["afplay"],
    ["ffplay", "-nodisp", "-autoexit", "-loglevel", "error"],
)


def run(options: argparse.Namespace) -> None:
    """Speak, or with --normalize print the spoken form.

    Raises:
        OSError: the server cannot be reached, or the file cannot be written.
        SynthesisError: the server refuses the request.
        SetupError: standard input is not UTF-8, there is no player, or it fails; no server answers,
            or it is not a Wyoming server.
    """
    text = _read_standard_input() if options.text == "-" else options.text
    if options.normalize:
        path = options.lexicon or LEXICON.default
        lexicon = LexiconFile(path, may_be_missing=options.lexicon is None).lexicon
        spoken = (speakable(sentence, lexicon) for sentence in split_sentences(text, lexicon))
        if lines := [*filter(None, spoken)]:
            print("\n".join(lines))
        else:
            print(translated(NOTHING_TO_SAY), file=sys.stderr)
        return
    if options.output is not None:
        check_output(options.output)
    player = None if options.output else find_player()
    if player is None and options.output is None:
        raise SetupError(translated(NO_PLAYER))
    if options.speed is not None:
        text = _faster(text, options.speed)
    request = Synthesize(
        text=text,
        voice=SynthesizeVoice(name=options.voice) if options.voice else None,
        text_format=SynthesizeTextFormat.SSML if options.ssml or options.speed else None,
    )
    try:
        answer = ask(options.uri, request.event(), ("audio-stop", "error"), kept=("audio-chunk",))
        speech = _speech(asyncio.run(answer))
    except (ConnectionRefusedError, FileNotFoundError) as error:
        raise SetupError(
            translated(
                "No server answers at {uri}: start one with {command}, or name it with --uri",
                uri=reachable(options.uri),
                command=command("serve"),
            )
        ) from error
    except ValueError as error:
        raise SetupError(f"{reachable(options.uri)}: {error}") from error
    if not any(speech.pcm):
        print(translated(NOTHING_TO_SAY), file=sys.stderr)
    if player is None:
        speech.write(options.output)
        print(f"Wrote {options.output}", file=sys.stderr)
    else:
        _play(speech, player)


def _read_standard_input() -> str:
    if sys.stdin is None:
        raise SetupError("Standard input is closed; give the text as an argument instead of -")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SetupError(f"Standard input is not UTF-8 (byte {error.start})") from error


def _faster(text: str, speed: float) -> str:
    """Return the text as SSML, because a request itself has no speed."""
    text = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)
    return f'<speak><prosody rate="{speed * 100:g}%">{escape(text)}</prosody></speak>'


def _speech(events: Sequence[Event]) -> Speech:
    """Extract the audio of an answer.

    Raises:
        SynthesisError: the server refuses.
        ValueError: there is no audio, or it is of no possible format.
    """
    if events[-1].type == "error":
        raise SynthesisError(shown(events[-1].data.get("text")))
    chunks = [event for event in events if event.type == "audio-chunk"]
    if not chunks:
        raise ValueError("the server sent no audio")
    rate, width, channels = (chunks[0].data.get(key, 0) for key in ("rate", "width", "channels"))
    if not (rate in range(1, 1_000_000) and width in range(1, 5) and channels in range(1, 9)):
        raise ValueError("the server sent audio of an unknown format")
    pcm = b"".join(chunk.payload or b"" for chunk in chunks)
    return Speech(pcm, int(rate), int(width), int(channels))


def find_player() -> list[str] | None:
    """Return the command of an installed audio player, or None."""
    return next((player for player in _PLAYERS if shutil.which(player[0])), None)


def _play(speech: Speech, player: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        speech.write(path)
        status = subprocess.run([*player, str(path)], check=False).returncode
    if status:
        raise SetupError(f"{player[0]} failed with status {status}; write a file with -o FILE")
