"""The language model against the reference, and step by step against all at once."""

import itertools
from pathlib import Path

import pytest
import torch

from tests.engines.vietts import cases
from tests.engines.vietts.goldens import LM_SEED, golden
from wyoming_vietts.engines.vietts.model.loading import load_networks
from wyoming_vietts.engines.vietts.networks.lm import (
    SpeechLM,
    decode_one_token,
    encode_text,
    generate,
    prefill,
    score,
)
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.engines.vietts.networks.transformer import KVCache
from wyoming_vietts.steps import finish


@pytest.fixture
def lm(networks: dict[int, Networks]) -> SpeechLM:
    return networks[25].lm


@pytest.fixture
def case(lm: SpeechLM, networks: dict[int, Networks]) -> dict[str, torch.Tensor]:
    arrays = cases.lm_case(networks[25].config, cases.SMALL, LM_SEED)
    return {name: torch.from_numpy(values) for name, values in arrays.items()}


def close(found: torch.Tensor, name: str, tolerance: float) -> None:
    torch.testing.assert_close(found, torch.from_numpy(golden("lm")[name]), atol=tolerance, rtol=0)


def test_encoded_text_is_the_references(lm: SpeechLM, case: dict[str, torch.Tensor]) -> None:
    with torch.inference_mode():
        close(finish(encode_text(lm, case["text"]))[0], "text_hidden", 1e-4)


def test_log_probabilities_are_the_references(lm: SpeechLM, case: dict[str, torch.Tensor]) -> None:
    close(score(lm, case["text"], case["embedding"], case["speech"]), "logp", 1e-4)


def test_step_by_step_is_the_same_as_all_at_once(
    lm: SpeechLM, case: dict[str, torch.Tensor]
) -> None:
    cache = KVCache(lm.config.decoder, like=lm.marks.weight)
    with torch.inference_mode():
        rows = [finish(prefill(lm, case["text"], case["embedding"], cache))]
        rows += [decode_one_token(lm, token[None], cache) for token in case["speech"]]
    stepped = torch.stack(rows).log_softmax(dim=-1)
    whole = score(lm, case["text"], case["embedding"], case["speech"])
    torch.testing.assert_close(stepped, whole, atol=1e-5, rtol=0)
    close(stepped, "logp", 1e-4)


def test_position_tables_grow_without_a_change(lm: SpeechLM, case: dict[str, torch.Tensor]) -> None:
    before = score(lm, case["text"], case["embedding"], case["speech"])
    finish(lm.decoder.reserve(2 * lm.decoder.reserved))
    after = score(lm, case["text"], case["embedding"], case["speech"])
    torch.testing.assert_close(before, after, atol=1e-5, rtol=0)


def test_cache_and_tables_grow_on_demand_with_a_pause_at_each_layer(lm: SpeechLM) -> None:
    layers = lm.config.decoder.layers
    cache = KVCache(lm.config.decoder, like=lm.marks.weight)
    assert len(list(cache.reserve(65))) == 2 * layers
    assert (cache.capacity, cache.keys[0].shape[2]) == (65, 65)
    assert list(cache.reserve(65)) == []
    list(cache.reserve(66))
    assert cache.capacity == 130
    reserved = lm.decoder.reserved
    assert len(list(lm.decoder.reserve(reserved + 1))) == layers
    assert lm.decoder.reserved == 2 * reserved


def test_tables_that_grow_twice_at_a_time_serve_both(
    lm: SpeechLM, case: dict[str, torch.Tensor]
) -> None:
    before = score(lm, case["text"], case["embedding"], case["speech"])
    reserved = lm.decoder.reserved
    longer, longest = lm.decoder.reserve(2 * reserved), lm.decoder.reserve(4 * reserved)
    next(longer)
    list(longest)
    list(longer)
    assert lm.decoder.reserved == 4 * reserved
    assert {layer.attention.positions.shape[1] for layer in lm.decoder.layers} == {4 * reserved}
    after = score(lm, case["text"], case["embedding"], case["speech"])
    torch.testing.assert_close(before, after, atol=1e-5, rtol=0)


def speak(lm: SpeechLM, case: dict[str, torch.Tensor], seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    spoken = generate(lm, case["text"], case["embedding"], generator)
    return [token for token in spoken if token is not None]


def test_length_stays_within_its_bounds(
    model_dirs: dict[int, Path], case: dict[str, torch.Tensor]
) -> None:
    """Whether the model would end at once or never."""
    lm = finish(load_networks(model_dirs[25], torch.device("cpu"), torch.float32, torch.float32)).lm
    text_tokens = len(case["text"])
    for bias, expected in ((50.0, 2 * text_tokens), (-50.0, 20 * text_tokens)):
        lm.lm_head.bias[lm.end] = bias
        tokens = speak(lm, case, seed=0)
        assert len(tokens) == expected
        assert all(0 <= token < lm.end for token in tokens)


def test_seed_decides_what_is_spoken(lm: SpeechLM, case: dict[str, torch.Tensor]) -> None:
    assert speak(lm, case, 1) == speak(lm, case, 1)
    assert speak(lm, case, 1) != speak(lm, case, 2)


def test_interleaved_utterances_do_not_disturb_each_other(
    lm: SpeechLM, case: dict[str, torch.Tensor]
) -> None:
    alone = [speak(lm, case, seed) for seed in (1, 2)]
    running = [
        generate(lm, case["text"], case["embedding"], torch.Generator().manual_seed(seed))
        for seed in (1, 2)
    ]
    together: list[list[int]] = [[], []]
    for pair in itertools.zip_longest(*running):
        for tokens, token in zip(together, pair, strict=True):
            tokens += [] if token is None else [token]
    assert together == alone


def test_no_text_is_an_error(lm: SpeechLM, case: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="no text tokens"):
        next(generate(lm, case["text"][:0], case["embedding"], None))


def test_a_step_projects_no_positions(
    lm: SpeechLM, case: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference projects all of them in every layer of every step."""
    list(itertools.islice(generate(lm, case["text"], case["embedding"], None), 30))
    calls: list[int] = []
    for layer in lm.decoder.layers:
        position = layer.attention.position
        monkeypatch.setattr(
            position, "forward", lambda x, real=position.forward: calls.append(1) or real(x)
        )
    spoken = list(itertools.islice(generate(lm, case["text"], case["embedding"], None), 30))
    assert len([token for token in spoken if token is not None]) > 5
    assert not calls
