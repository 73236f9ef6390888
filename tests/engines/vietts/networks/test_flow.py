"""The flow against the reference, cut into steps."""

import copy
from dataclasses import replace

import pytest
import torch

from tests.engines.vietts import cases
from tests.engines.vietts.goldens import FLOWS, golden
from wyoming_vietts.engines.vietts.networks.flow import (
    Flow,
    FlowVoice,
    cosine_times,
    encode_tokens,
    flow_voice,
    generate_mel,
    mel_frames,
    solver_schedule,
    utterance_frames,
)
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.steps import finish


def given(
    networks: Networks, speech_tokens: int, seed: int
) -> tuple[Flow, torch.Tensor, FlowVoice, torch.Tensor]:
    arrays = cases.flow_case(networks.config, cases.SMALL, speech_tokens, seed)
    case = {name: torch.from_numpy(values) for name, values in arrays.items()}
    voice = flow_voice(
        networks.flow, case["embedding"], case["prompt_token"], case["prompt_feat"].T
    )
    return networks.flow, case["token"], voice, case["noise"]


@pytest.mark.parametrize(("name", "rate", "tokens", "seed"), FLOWS)
def test_mel_is_the_references(
    networks: dict[int, Networks], name: str, rate: int, tokens: int, seed: int
) -> None:
    flow, speech, voice, noise = given(networks[rate], tokens, seed)
    expected = {key: torch.from_numpy(values) for key, values in golden(name).items()}
    torch.testing.assert_close(voice.speaker, expected["spks"], atol=1e-5, rtol=0)
    mel = finish(generate_mel(flow, speech, voice, noise, solver_schedule(flow)))
    assert mel.shape[1] == mel_frames(flow, tokens)
    torch.testing.assert_close(mel, expected["mel"], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("rate", "tokens", "frames"), [(25, 20, 68), (25, 100, 344), (50, 20, 34)])
def test_frames_follow_the_token_rate(
    networks: dict[int, Networks], rate: int, tokens: int, frames: int
) -> None:
    assert mel_frames(networks[rate].flow, tokens) == frames


def test_voice_without_a_prompt_can_be_spoken_in(networks: dict[int, Networks]) -> None:
    flow, speech, voice, noise = given(networks[25], 12, 0)
    bare = FlowVoice(voice.speaker, voice.prompt_tokens[:0], voice.prompt_mel[:, :0])
    mel = finish(generate_mel(flow, speech, bare, noise, solver_schedule(flow, 2)))
    assert mel.shape == (80, mel_frames(flow, 12))


def test_solver_takes_the_durations_that_it_is_given(networks: dict[int, Networks]) -> None:
    flow, *_ = given(networks[25], 12, 0)
    schedule = solver_schedule(flow)
    assert len(schedule.durations) == len(schedule.shifts) == 10
    assert sum(schedule.durations) == pytest.approx(1)
    assert list(schedule.durations) == sorted(schedule.durations)


def test_computation_pauses_within_every_step(networks: dict[int, Networks]) -> None:
    """Once for the encoder and once for each transformer block of each of the solver's steps."""
    flow, speech, voice, noise = given(networks[25], 12, 0)
    pauses = sum(1 for _ in generate_mel(flow, speech, voice, noise, solver_schedule(flow, 3)))
    blocks = 2 + 2 + 2  # stages down, middle and up, of one block each
    assert pauses == 1 + 3 * blocks


def test_interleaved_utterances_do_not_disturb_each_other(networks: dict[int, Networks]) -> None:
    inputs = [given(networks[25], tokens, seed=tokens) for tokens in (12, 45)]
    schedule = solver_schedule(inputs[0][0], 2)
    alone = [finish(generate_mel(*args, schedule)) for args in inputs]
    running = {i: generate_mel(*args, schedule) for i, args in enumerate(inputs)}
    together: dict[int, torch.Tensor] = {}
    while running:
        for i, steps in list(running.items()):
            try:
                next(steps)
            except StopIteration as end:
                together[i] = end.value
                del running[i]
    for i, mel in enumerate(alone):
        assert torch.equal(together[i], mel)


def test_pause_leaves_the_callers_mode_alone(networks: dict[int, Networks]) -> None:
    flow, speech, voice, noise = given(networks[25], 12, 0)
    steps = generate_mel(flow, speech, voice, noise, solver_schedule(flow, 1))
    next(steps)
    next(steps)
    assert not torch.is_inference_mode_enabled()


def test_too_little_noise_is_an_error(networks: dict[int, Networks]) -> None:
    flow, speech, voice, noise = given(networks[25], 12, 0)
    with pytest.raises(ValueError, match="frames of noise"):
        finish(generate_mel(flow, speech, voice, noise[:, :-1], solver_schedule(flow, 1)))


def test_tokens_are_heard_from_both_sides(networks: dict[int, Networks]) -> None:
    """The encoder is not causal: a later token changes earlier frames."""
    flow, speech, voice, _ = given(networks[25], 43, 0)
    changed = speech.clone()
    changed[-1] = (changed[-1] + 1) % flow.config.speech_vocabulary
    first = slice(0, voice.prompt_mel.shape[1])
    spread = utterance_frames(flow, 43)
    difference = encode_tokens(flow, speech, voice, spread) - encode_tokens(
        flow, changed, voice, spread
    )
    assert float(difference[:, first].abs().max()) > 1e-6


def test_model_states_its_own_solver_times(networks: dict[int, Networks]) -> None:
    """So a distilled flow needs no code: few steps, at its own times, perhaps without guidance."""
    flow, times = networks[25].flow, (0.0, 0.25, 1.0)
    distilled = copy.copy(flow)
    distilled.config = replace(flow.config, solver_times=times, guidance=0.0)
    schedule = solver_schedule(distilled, 10, guidance_every=1)
    assert schedule.durations == (0.25, 0.75)
    assert schedule.guided == (False, False)
    shifts = flow.unet.time_shifts(torch.tensor(times[:-1]))
    for step, of_step in enumerate(schedule.shifts):
        assert all(map(torch.equal, of_step, (stage[step] for stage in shifts)))
    assert solver_schedule(flow, 10).durations != schedule.durations


def test_times_of_the_reference_can_be_stated(networks: dict[int, Networks]) -> None:
    flow = networks[25].flow
    stated = copy.copy(flow)
    stated.config = replace(flow.config, solver_times=tuple(cosine_times(5)))
    for mine, theirs in zip(
        solver_schedule(stated, 10).shifts, solver_schedule(flow, 5).shifts, strict=True
    ):
        assert all(map(torch.equal, mine, theirs))
    assert solver_schedule(stated, 10).durations == solver_schedule(flow, 5).durations
