"""Candidates, repetition, and an end that must not come yet."""

import pytest
import torch

from tests.engines.vietts import cases
from tests.engines.vietts.goldens import CANDIDATES, golden
from tests.engines.vietts.tiny_model import SPEECH_VOCABULARY
from wyoming_vietts.engines.vietts.networks import sampling
from wyoming_vietts.engines.vietts.networks.config import SamplingConfig
from wyoming_vietts.engines.vietts.networks.sampling import nucleus, sample

CONFIG = SamplingConfig(top_p=0.8, top_k=25, window=10, repetition=0.1)
NOTHING = torch.empty(0, dtype=torch.int64)


def logits(*probabilities: float) -> torch.Tensor:
    return torch.tensor(probabilities).log()


def shares(
    logits: torch.Tensor, recent: torch.Tensor = NOTHING, end: int | None = None, n: int = 4000
) -> torch.Tensor:
    """How often each token is drawn."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([sample(logits, recent, CONFIG, generator, end) for _ in range(n)])
    return torch.bincount(drawn, minlength=len(logits)) / n


@pytest.mark.parametrize(("name", "sharpness", "seed"), CANDIDATES)
def test_candidates_are_the_references(name: str, sharpness: float, seed: int) -> None:
    case = cases.candidates_case(SPEECH_VOCABULARY, sharpness, seed)
    ids, probabilities = nucleus(torch.from_numpy(case["logp"]), CONFIG)
    count = int((probabilities > 0).sum())
    assert ids[:count].tolist() == golden(name)["ids"].tolist()
    torch.testing.assert_close(
        probabilities[:count], torch.from_numpy(golden(name)["prob"]), atol=1e-6, rtol=0
    )


def test_there_are_at_least_two_candidates() -> None:
    _, probabilities = nucleus(logits(0.01, 0.95, 0.04), CONFIG)
    assert int((probabilities > 0).sum()) == 2


def test_token_that_reaches_the_limit_is_the_last() -> None:
    ids, probabilities = nucleus(logits(0.3, 0.4, 0.2, 0.1), CONFIG)
    assert ids[probabilities > 0].tolist() == [1, 0, 2]


def test_shares_are_those_of_the_candidates() -> None:
    expected = torch.tensor([3.0, 4.0, 2.0, 0.0]) / 9
    found = shares(logits(0.3, 0.4, 0.2, 0.1))
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0)


def test_repeated_token_is_drawn_again_from_all() -> None:
    """Token 1 was just spoken: its 4/9 are dealt out anew among all four."""
    everything = torch.tensor([0.3, 0.4, 0.2, 0.1])
    expected = torch.tensor([3 / 9, 0.0, 2 / 9, 0.0]) + 4 / 9 * everything
    found = shares(everything.log(), recent=torch.tensor([1, 5, 5]))
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0)


@pytest.mark.parametrize("recent", [NOTHING, torch.tensor([1])])
def test_forbidden_end_is_as_if_drawn_until_another(recent: torch.Tensor) -> None:
    scores = logits(0.3, 0.3, 0.2, 0.2)
    free = shares(scores, recent)
    expected = free.clone()
    expected[2] = 0
    found = shares(scores, recent, end=2)
    torch.testing.assert_close(found, expected / expected.sum(), atol=0.035, rtol=0)


def test_forbidden_end_never_comes_and_never_hangs() -> None:
    """Though it is the only likely token, and was a repetition too."""
    scores = torch.tensor([0.0, 200.0, 0.0])
    assert shares(scores, end=1, n=50)[1] == 0
    assert shares(scores, recent=torch.tensor([0, 2, 1]), end=1, n=50)[1] == 0


def test_same_seed_draws_the_same() -> None:
    scores = torch.randn(50)
    runs = [
        [int(sample(scores, NOTHING, CONFIG, generator)) for _ in range(20)]
        for generator in (torch.Generator().manual_seed(3), torch.Generator().manual_seed(3))
    ]
    assert runs[0] == runs[1]


def test_draws_are_those_of_multinomial() -> None:
    """So a seed keeps its audio, though a GPU need not be waited for."""
    weights = torch.rand(60)
    ours, theirs = torch.Generator().manual_seed(4), torch.Generator().manual_seed(4)
    for _ in range(200):
        drawn = sampling._draw(weights, ours)
        assert torch.equal(drawn, torch.multinomial(weights, 1, generator=theirs))
