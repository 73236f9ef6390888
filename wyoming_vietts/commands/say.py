"""Speak a text through a running server: play it, or write a WAV file."""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.tts import Synthesize, SynthesizeTextFormat, SynthesizeVoice

from ..errors import SetupError, SynthesisError
from ..program import command
from ..settings.addresses import reachable
from ..text import LexiconFile, speakable, split_sentences

_PLAYERS = (
    ["paplay"],
    ["pw-play"],
    ["aplay", "-q"],
    ["afplay"],
    ["ffplay", "-nodisp", "-autoexit", "-loglevel", "error"],
)


def run(options: argparse.Namespace) -> None:
    """Speak, or with --normalize print what would be spoken.

    Raises:
        OSError: the server cannot be reached, or the file cannot be written.
        SynthesisError: the server refuses the request.
        SetupError: standard input is not UTF-8, there is no player, or it fails.
    """
    text = _read_standard_input() if options.text == "-" else options.text
    if options.normalize:
        lexicon = LexiconFile(options.lexicon).lexicon if options.lexicon else None
        spoken = (speakable(sentence, lexicon) for sentence in split_sentences(text, lexicon))
        print("\n".join(filter(None, spoken)))
        return
    if options.output is not None and not options.output.parent.is_dir():
        raise SetupError(
            f"Cannot write {options.output}: there is no folder {options.output.parent}"
        )
    player = None if options.output else _find_player()
    chunks = asyncio.run(_synthesize(reachable(options.uri), text, options.voice, options.ssml))
    if player is None:
        _write_wav(options.output, chunks)
        print(f"Wrote {options.output}", file=sys.stderr)
    else:
        _play(chunks, player)


def _read_standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SetupError(f"Standard input is not UTF-8 (byte {error.start})") from error


async def _synthesize(uri: str, text: str, voice: str | None, is_ssml: bool) -> list[AudioChunk]:
    """All chunks of one answer."""
    request = Synthesize(
        text=text,
        voice=SynthesizeVoice(name=voice) if voice else None,
        text_format=SynthesizeTextFormat.SSML if is_ssml else None,
    )
    chunks = []
    try:
        async with AsyncClient.from_uri(uri) as client:
            await client.write_event(request.event())
            while (event := await client.read_event()) is not None:
                if AudioChunk.is_type(event.type):
                    chunks.append(AudioChunk.from_event(event))
                elif AudioStop.is_type(event.type):
                    return chunks
                elif Error.is_type(event.type):
                    raise SynthesisError(Error.from_event(event).text)
    except (ConnectionRefusedError, FileNotFoundError) as error:
        raise SetupError(
            f"No server answers at {uri}: start one with {command('serve')}, or name it with --uri"
        ) from error
    raise SynthesisError("The server closed the connection before the end")


def _write_wav(path: Path, chunks: list[AudioChunk]) -> None:
    with path.open("wb") as file, wave.open(file, "wb") as wav:
        wav.setframerate(chunks[0].rate)
        wav.setsampwidth(chunks[0].width)
        wav.setnchannels(chunks[0].channels)
        for chunk in chunks:
            wav.writeframes(chunk.audio)


def _find_player() -> list[str]:
    """The command of an installed audio player."""
    for player in _PLAYERS:
        if shutil.which(player[0]):
            return player
    names = ", ".join(player[0] for player in _PLAYERS)
    raise SetupError(f"No player found ({names}): install one, or write a file with -o FILE")


def _play(chunks: list[AudioChunk], player: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        _write_wav(path, chunks)
        status = subprocess.run([*player, str(path)], check=False).returncode
    if status:
        raise SetupError(f"{player[0]} failed with status {status}; write a file with -o FILE")
