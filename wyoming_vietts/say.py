"""Speaks a text through a running server: plays it, or writes a WAV file."""

import argparse
import asyncio
import shutil
import subprocess
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.tts import Synthesize, SynthesizeTextFormat, SynthesizeVoice

from .healthcheck import reachable
from .options import DEFAULT_URI
from .text import Lexicon, speakable, split_sentences

_PLAYERS = (
    ["paplay"],
    ["pw-play"],
    ["aplay", "-q"],
    ["afplay"],
    ["ffplay", "-nodisp", "-autoexit", "-loglevel", "error"],
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="say", description=__doc__)
    parser.add_argument("text", help="what to say; - reads standard input")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write a WAV file")
    parser.add_argument("--uri", default=DEFAULT_URI, help="the server (default: %(default)s)")
    parser.add_argument("--voice", metavar="NAME", help="a voice of the server")
    parser.add_argument("--ssml", action="store_true", help="the text is SSML")
    parser.add_argument(
        "--normalize", action="store_true", help="print what would be spoken; needs no server"
    )
    parser.add_argument("--lexicon", type=Path, metavar="FILE", help="for --normalize")
    options = parser.parse_args(arguments)
    text = sys.stdin.read() if options.text == "-" else options.text
    try:
        if options.normalize:
            lexicon = Lexicon.load(options.lexicon) if options.lexicon else None
            spoken = (speakable(sentence, lexicon) for sentence in split_sentences(text))
            print("\n".join(filter(None, spoken)))
            return 0
        chunks = asyncio.run(_synthesize(reachable(options.uri), text, options.voice, options.ssml))
        _play_or_write(chunks, options.output)
    except (OSError, ValueError) as error:
        print(f"say: {error}", file=sys.stderr)
        return 1
    return 0


async def _synthesize(uri: str, text: str, voice: str | None, is_ssml: bool) -> list[AudioChunk]:
    """All chunks of one answer.

    Raises:
        ValueError: the server refused the request.
        OSError: the server cannot be reached.
    """
    request = Synthesize(
        text=text,
        voice=SynthesizeVoice(name=voice) if voice else None,
        text_format=SynthesizeTextFormat.SSML if is_ssml else None,
    )
    chunks = []
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(request.event())
        while (event := await client.read_event()) is not None:
            if AudioChunk.is_type(event.type):
                chunks.append(AudioChunk.from_event(event))
            elif AudioStop.is_type(event.type):
                return chunks
            elif Error.is_type(event.type):
                raise ValueError(Error.from_event(event).text)
    raise ValueError("the server closed the connection before the end")


def _play_or_write(chunks: list[AudioChunk], output: Path | None) -> None:
    player = next((player for player in _PLAYERS if shutil.which(player[0])), None)
    path = output or Path("speech.wav")
    with wave.open(str(path), "wb") as wav:
        wav.setframerate(chunks[0].rate)
        wav.setsampwidth(chunks[0].width)
        wav.setnchannels(chunks[0].channels)
        for chunk in chunks:
            wav.writeframes(chunk.audio)
    if output is None and player is not None:
        subprocess.run([*player, str(path)], check=False)
        path.unlink()
    else:
        print(f"Wrote {path}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
