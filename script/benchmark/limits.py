"""Measures the limits of this machine that bound the neural engine."""

import argparse

import torch
from measure import Table
from torch.utils.flop_counter import FlopCounterMode
from vietts import FLOW_TOKENS, PROMPT_SECONDS, load, timed

from wyoming_vietts.engines.vietts.cpu.linear import OneDNNLinear, onednn_takes
from wyoming_vietts.engines.vietts.networks.layers import Linear
from wyoming_vietts.engines.vietts.networks.networks import Networks, empty_networks
from wyoming_vietts.engines.vietts.quality import QUALITIES
from wyoming_vietts.steps import finish


def limits(table: Table, options: argparse.Namespace) -> None:
    """Measure the limits of this machine, and the times of the parts at those limits."""
    big = torch.ones(2**28)  # 1 GiB
    bandwidth = big.nbytes / min(timed(big.sum) for _ in range(5))
    table.add("memory bandwidth", [bandwidth / 1e9], "GB/s")
    networks = load(options, "exact")
    flow_flops = unet_operations(networks)
    table.add("U-Net, one step of 602 frames", [flow_flops / 1e9], "GFLOP")
    for dtype in (torch.float32, torch.bfloat16):
        flops = multiplication_speed(dtype)
        table.add(f"matrix multiplication, {dtype}", [flops / 1e9], "GFLOPS")
        steps = QUALITIES["balanced"].solver_steps
        table.add(f"flow, {steps} steps, limit in {dtype}", [steps * flow_flops / flops], "s")
    weights = sum(
        parameter.nbytes
        for name, parameter in networks.lm.named_parameters()
        if name.startswith(("decoder.layers", "lm_head")) and ".position." not in name
    )
    table.add("LM step, limit in fp32", [1000 * weights / bandwidth], "ms")
    table.add("LM step, limit in int8", [1000 * weights / 4 / bandwidth], "ms")


def multiplication_speed(dtype: torch.dtype) -> float:
    """Operations a second."""
    a, b = torch.randn(4096, 1024).to(dtype), torch.randn(4096, 1024).to(dtype)
    linear = Linear(1024, 4096, bias=False)
    linear.weight = torch.nn.Parameter(b, requires_grad=False)
    packed = OneDNNLinear(linear) if onednn_takes(b) else linear
    return 2 * 4096 * 4096 * 1024 / min(timed(lambda: packed(a)) for _ in range(10))


def unet_operations(networks: Networks) -> int:
    """Count those of a guided step, with 100 tokens and a prompt of 3 s, by the shapes alone."""
    unet = empty_networks(networks.config).flow.unet
    frames = int((FLOW_TOKENS / networks.config.flow.token_rate + PROMPT_SECONDS) * 22050 / 256)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        shifts = [shift[0] for shift in unet.time_shifts(torch.zeros(1))]
        finish(unet.walk(torch.zeros(2, unet.config.in_channels, frames), shifts))
    return counter.get_total_flops()
