"""The silence at the ends of what a voice speaks."""

import random
from itertools import pairwise

import numpy as np

from tests.harness import joined
from wyoming_vietts.engines.pauses import (
    PARAGRAPH_SECONDS,
    faded,
    pause_after,
    silence,
    trimmed,
)
from wyoming_vietts.engines.pcm import PCM

RATE = 1000
MARGIN = 20  # samples


def pieces(pcm: bytes, *cuts: int) -> PCM:
    places = [0, *(2 * cut for cut in cuts), len(pcm)]
    for start, end in pairwise(places):
        yield None
        yield pcm[start:end]


def pcm(*parts: tuple[int, int]) -> bytes:
    """Samples of a level, as many as asked for, one after the other."""
    return np.repeat(*zip(*parts, strict=True)).astype("<i2").tobytes()


def test_silence_at_the_ends_is_left_out_but_for_a_margin() -> None:
    whole = pcm((5, 400), (3000, 50), (0, 300), (-3000, 50), (-5, 500))
    assert joined(trimmed(pieces(whole), RATE)) == pcm(
        (5, MARGIN), (3000, 50), (0, 300), (-3000, 50), (-5, MARGIN)
    )


def test_it_does_not_matter_how_the_waveform_is_cut() -> None:
    whole = pcm((0, 70), (900, 40), (0, 90), (900, 3), (0, 60))
    expected = joined(trimmed(pieces(whole), RATE))
    draw = random.Random(0)
    for _ in range(50):
        cuts = sorted(draw.sample(range(1, 262), draw.randrange(1, 9)))
        assert joined(trimmed(pieces(whole, *cuts), RATE)) == expected, cuts


def test_a_sound_that_fills_its_pieces_waits_for_nothing() -> None:
    speaking = trimmed(pieces(pcm((900, 30)), 10, 20), RATE)
    assert [len(piece or b"") for piece in speaking] == [0, 20, 0, 20, 0, 20]


def test_a_silent_sentence_stays() -> None:
    assert joined(trimmed(pieces(pcm((7, 30))), RATE)) == pcm((7, 30))


def test_the_voice_is_closed_with_its_listener() -> None:
    speaking = pieces(pcm((900, 30)), 10)
    heard = trimmed(speaking, RATE)
    next(heard)
    heard.close()
    assert next(speaking, "closed") == "closed"


def test_quieter_samples_than_48_decibels_below_full_scale_are_silence() -> None:
    for level in (130, -130):
        loud, quiet = pcm((level, 1)), pcm((level - level // 130, 1))
        assert joined(trimmed(pieces(pcm((0, 90)) + loud), RATE)) == pcm((0, MARGIN)) + loud
        assert joined(trimmed(pieces(pcm((900, 1), (0, 90)) + quiet), RATE)) == pcm(
            (900, 1), (0, MARGIN)
        )


def test_pauses_are_a_fifth_of_a_second_in_a_sentence_and_twice_as_long_after_it() -> None:
    assert [pause_after(text) for text in ("Vâng,", "thì", "Vâng.", "Ạ?", "Ôi!")] == [
        *(0.2, 0.2),
        *(0.4, 0.4, 0.4),
    ]
    assert PARAGRAPH_SECONDS == 0.8
    assert silence(0.4, 22_050) == bytes(2 * 8820)


def test_both_ends_fade_however_the_waveform_is_cut() -> None:
    expected = pcm(
        *[(-level, 1) for level in range(0, 500, 100)],
        (-500, 20),
        *[(-level, 1) for level in range(400, -100, -100)],
    )
    for cuts in ((), (1, 2, 3, 4, 5, 6), (3, 28), (29,)):
        assert joined(faded(pieces(pcm((-500, 30)), *cuts), RATE)) == expected, cuts
    assert joined(faded(pieces(pcm((500, 3)), 1), RATE)) == pcm((0, 1), (20, 1), (0, 1))
    assert joined(faded(pieces(b""), RATE)) == b""
