"""Silence before, within and after an answer."""

from dataclasses import replace

import numpy as np
import pytest

from tests.harness import SETTINGS, StepEngine, pcm_of, running_server, stream, synthesize
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.engines.pauses import SENTENCE_SECONDS


def pauses(pcm: bytes) -> list[float]:
    """Seconds of each silence of a `StepEngine`'s answer, in which no sample is 0."""
    samples = np.frombuffer(pcm, "<i2")
    edges = np.flatnonzero(np.diff(np.pad(samples == 0, 1).astype(int)))
    return [(end - start) / 22_050 for start, end in edges.reshape(-1, 2)]


async def test_sentence_silence_stands_between_sentences_only() -> None:
    settings = replace(SETTINGS, sentence_silence_seconds=0.1)
    async with running_server(StepEngine(), settings=settings) as uri:
        one = pcm_of(await synthesize(uri, "Một câu."))
        three = pcm_of(await synthesize(uri, "Một câu. Một câu. Một câu."))
    silence = bytes(2 * round((0.1 + SENTENCE_SECONDS) * 22_050))
    assert three == one + silence + one + silence + one


async def test_no_silence_comes_between_the_parts_of_one_sentence() -> None:
    settings = replace(SETTINGS, sentence_silence_seconds=0.1)
    for ssml, silences in (
        ("<speak>Nhà <prosody rate='fast'>rất</prosody> đẹp.</speak>", 0),
        ("<speak>Một câu. <prosody rate='fast'>Hai.</prosody> Ba.</speak>", 2),
        ("<speak><s>Một</s><s><prosody rate='fast'>hai</prosody> ba</s></speak>", 1),
    ):
        async with running_server(StepEngine(), settings=settings) as uri:
            events = await synthesize(uri, ssml, text_format="ssml")
        assert len(pauses(pcm_of(events))) == silences, ssml


async def test_pauses_follow_the_marks_paragraphs_and_speed() -> None:
    text = f"{'Câu đầu rất dài ' * 3}, thì được cắt. Hai. Ba.\n\nBốn!\nNăm"
    for speed in (1.0, 2.0):
        settings = replace(SETTINGS, speed=speed)
        async with running_server(StepEngine(), settings=settings) as uri:
            spoken = pcm_of(await synthesize(uri, text))
            streamed = pcm_of(await stream(uri, [*text]))
        expected = [seconds / speed for seconds in (0.2, 0.4, 0.4, 0.8, 0.4)]
        assert pauses(spoken) == pytest.approx(expected, abs=0.001)
        assert min(expected[1:]) > 0.12
        assert streamed == spoken


async def test_an_answer_begins_and_ends_with_the_silence_that_was_asked_for() -> None:
    settings = replace(SETTINGS, lead_silence_seconds=0.3, tail_silence_seconds=0.5)
    async with running_server(StepEngine(), settings=settings) as uri:
        spoken = pcm_of(await synthesize(uri, "Một. Hai."))
        streamed = pcm_of(await stream(uri, [*"Một. Hai."]))
        nothing = pcm_of(await synthesize(uri, "..."))
    assert pauses(spoken) == pytest.approx([0.3, 0.4, 0.5], abs=0.001)
    assert streamed == spoken
    assert pauses(nothing) == pytest.approx([0.2], abs=0.001)


async def test_every_voice_pauses_alike_whatever_silence_it_leaves_itself() -> None:
    """A clause of eSpeak NG ends in a third of a second of silence."""
    async with running_server(EspeakEngine()) as uri:
        one, two = [pcm_of(await synthesize(uri, text)) for text in ("Một.", "Một. Một.")]
    gap = len(two) - 2 * len(one)
    assert gap == 2 * round(SENTENCE_SECONDS * 22_050)
    assert any(one[-4000:]), "its own silence is gone"
