"""Residual blocks with folded scales against the plain ones."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from wyoming_vietts.engines.vietts.cpu import pack_convolutions
from wyoming_vietts.engines.vietts.cpu.snake import FoldedResBlock
from wyoming_vietts.engines.vietts.networks.hift import ResBlock
from wyoming_vietts.steps import finish


@pytest.mark.parametrize("kernel", [3, 11])
def test_folded_block_is_the_block(kernel: int) -> None:
    torch.manual_seed(0)
    block = ResBlock(32, kernel, (1, 5)).requires_grad_(False)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.05)
    block.alphas1[0][3] = block.alphas2[1][5] = 0.0  # where Snake is x alone
    x = torch.randn(1, 32, 400)
    with torch.inference_mode():
        wanted = finish(block.walk(x))
        folded = FoldedResBlock(deepcopy(block))
        torch.testing.assert_close(finish(folded.walk(x)), wanted, atol=1e-5, rtol=1e-5)
        finish(pack_convolutions(folded))
        assert not any(isinstance(layer, nn.Conv1d) for layer in folded.modules())
        torch.testing.assert_close(finish(folded.walk(x)), wanted, atol=1e-5, rtol=1e-5)
