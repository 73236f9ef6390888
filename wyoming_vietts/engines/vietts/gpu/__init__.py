"""Swaps in steps of fixed shapes, as CUDA graphs; the networks also run without them.

A step starts hundreds of kernels, most of which end sooner than the next one can be started. A CUDA
graph starts all of them at once, but always with the same shapes, at the same addresses.
"""

import torch

from ....steps import Steps
from ..networks.networks import Networks
from .decoder import StaticDecoder
from .unet import BucketedUNet


@torch.no_grad()
def optimize(networks: Networks) -> Steps[None]:
    """Replace the decoder of the language model and the U-Net of the flow.

    They compute the same, up to rounding errors. On a GPU, their steps are captured.
    Pauses before each of them.
    """
    torch.backends.cudnn.allow_tf32 = False  # the vocoder is in fp32 for its precision
    decoder, unet = StaticDecoder(networks.lm.decoder), BucketedUNet(networks.flow)
    steps = yield from decoder.prepare()
    if torch.cuda.is_available():
        pool = torch.cuda.graph_pool_handle()  # one for all: they run one after the other
        for step in (*steps, *unet.steps.values()):
            yield from step.capture(pool)
    setattr(networks.lm, "decoder", decoder)  # noqa: B010, another type of layer
    setattr(networks.flow, "unet", unet)  # noqa: B010
