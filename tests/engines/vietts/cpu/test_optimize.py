"""All that makes the networks fast on a CPU, put on, against the networks as they are written."""

from collections import Counter

import torch
from torch import nn

from tests.engines.vietts import cases
from wyoming_vietts.engines.vietts.cpu.convolution import ChannelsLastConv1d
from wyoming_vietts.engines.vietts.cpu.linear import OneDNNLinear
from wyoming_vietts.engines.vietts.cpu.overlap_save import OverlapSaveConv1d
from wyoming_vietts.engines.vietts.cpu.snake import FoldedResBlock
from wyoming_vietts.engines.vietts.cpu.transformer_block import FusedTransformerBlock
from wyoming_vietts.engines.vietts.networks.flow import flow_voice, generate_mel, solver_schedule
from wyoming_vietts.engines.vietts.networks.hift import vocode
from wyoming_vietts.engines.vietts.networks.lm import decode_one_token, prefill, score
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.engines.vietts.networks.transformer import KVCache
from wyoming_vietts.steps import finish


def tensors(arrays: cases.Arrays) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(values) for name, values in arrays.items()}


def test_language_model_thinks_the_same(
    plain_networks: Networks, networks: dict[int, Networks]
) -> None:
    case = tensors(cases.lm_case(plain_networks.config, cases.SMALL, 1))
    text, speaker, speech = case["text"], case["embedding"], case["speech"]
    wanted, got = (score(n.lm, text, speaker, speech) for n in (plain_networks, networks[25]))
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_language_model_steps_without_a_table_of_inputs(
    plain_networks: Networks, networks: dict[int, Networks]
) -> None:
    assert plain_networks.lm.speech_inputs is None
    assert networks[25].lm.speech_inputs is not None
    steps = []
    for lm in (plain_networks.lm, networks[25].lm):
        cache = KVCache(lm.config.decoder, like=lm.marks.weight)
        with torch.inference_mode():
            finish(prefill(lm, torch.arange(5), torch.ones(192), cache))
            steps.append(decode_one_token(lm, torch.tensor([3]), cache))
    torch.testing.assert_close(*steps, atol=1e-5, rtol=1e-5)


def test_mel_spectrogram_is_the_same(
    plain_networks: Networks, networks: dict[int, Networks]
) -> None:
    case = tensors(cases.flow_case(plain_networks.config, cases.SMALL, 90, 1))
    mels = []
    for flow in (plain_networks.flow, networks[25].flow):
        voice = flow_voice(flow, case["embedding"], case["prompt_token"], case["prompt_feat"].T)
        schedule = solver_schedule(flow)
        mels.append(finish(generate_mel(flow, case["token"], voice, case["noise"], schedule)))
    torch.testing.assert_close(*mels, atol=1e-4, rtol=1e-4)


def test_waveform_is_the_same(plain_networks: Networks, networks: dict[int, Networks]) -> None:
    case = tensors(cases.hift_case(plain_networks.config, cases.SMALL, 0, 1))
    source = torch.sin(torch.arange(case["mel"].shape[1] * 256) / 20)
    waves = [finish(vocode(n.hift, case["mel"], source)) for n in (plain_networks, networks[25])]
    torch.testing.assert_close(*waves, atol=2e-4, rtol=1e-4)


def test_every_layer_is_the_fastest_of_its_kind(
    plain_networks: Networks, networks: dict[int, Networks]
) -> None:
    lm, flow, hift = networks[25].lm, networks[25].flow, networks[25].hift
    encoders = (lm.text_encoder, lm.decoder, flow.encoder)
    positions = [layer.attention.position for encoder in encoders for layer in encoder.layers]
    for network in (lm, flow):
        linears = [layer for layer in network.modules() if isinstance(layer, OneDNNLinear)]
        assert linears
        for layer in linears:
            assert layer.weight.is_mkldnn != (layer in positions)
        assert not any(isinstance(layer, nn.Linear) for layer in network.modules())
    blocks = [block for stage in flow.unet.middle for block in stage.blocks]
    assert all(isinstance(block, FusedTransformerBlock) for block in blocks)
    assert all(isinstance(block, FoldedResBlock) for block in hift.resblocks)
    left = [layer for layer in hift.modules() if isinstance(layer, nn.Conv1d)]
    assert left == [layer for layer in hift.f0_convs if isinstance(layer, nn.Conv1d)]
    kinds = Counter(type(layer) for layer in hift.modules())
    assert kinds[OverlapSaveConv1d] + kinds[ChannelsLastConv1d] == sum(
        isinstance(layer, nn.Conv1d) for layer in plain_networks.hift.modules()
    ) - len(left)
