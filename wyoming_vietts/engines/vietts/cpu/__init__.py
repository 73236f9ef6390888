"""Swaps in layers that are faster on a CPU; the networks also run without them."""

from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

import torch
from torch import nn

from ....steps import Steps
from ..networks.hift import ResBlock
from ..networks.networks import Networks
from ..networks.unet import TransformerBlock
from . import features, overlap_save
from .convolution import ChannelsLastConv1d
from .int8 import Int8Linear, PackedInt8Linear
from .int8_flow import Int8TransformerBlock
from .linear import OneDNNLinear, onednn_takes
from .overlap_save import OverlapSaveConv1d
from .snake import FoldedResBlock
from .transformer_block import FusedTransformerBlock

L = TypeVar("L", bound=nn.Module)

_OVERLAP_SAVE_FROM = 7  # taps; shorter convolutions are faster when computed directly


@torch.no_grad()
def optimize(networks: Networks) -> Steps[None]:
    """Replace layers by faster ones that compute the same, up to rounding errors.

    Pauses after each layer. The order matters: Snake's scales are folded into convolutions before
    those are packed, and the first rule that fits a layer packs it. Layers with 8-bit weights come
    from a file; here they are packed.
    """
    lm, flow, hift = networks.lm, networks.flow, networks.hift

    yield from _replace(hift, ResBlock, FoldedResBlock)
    for block in (*hift.resblocks, *hift.source_resblocks):
        yield from pack_convolutions(block)
    # Not for the f0: the source accumulates it over the utterance, so it must match the reference's
    # to the last bit.
    yield from _replace(hift, nn.Conv1d, ChannelsLastConv1d, but=[*hift.f0_convs])

    yield from _replace(flow, TransformerBlock, _fused_block)
    encoders = (lm.text_encoder, lm.decoder, flow.encoder)
    positions = [layer.attention.position for encoder in encoders for layer in encoder.layers]
    for network in (lm, flow):
        yield from _replace(network, nn.Linear, _onednn_linear, but=positions)
        # Position layers run rarely, on many positions at once, where packing gains nothing.
        yield from _replace(network, nn.Linear, partial(_onednn_linear, pack=False))
    yield from _replace(lm, Int8Linear, PackedInt8Linear)


def pack_convolutions(network: nn.Module) -> Steps[None]:
    """Replace the convolutions of a network by the fastest kind for their number of taps."""
    yield from _replace(network, nn.Conv1d, _packed_convolution)


def _replace(
    network: nn.Module,
    kind: type[L],
    replacement: Callable[[L], nn.Module],
    but: Collection[nn.Module] = (),
) -> Steps[None]:
    """Put `replacement(layer)` in the place of every layer of a kind within a network."""
    for parent in [*network.modules()]:
        for name, layer in [*parent.named_children()]:
            if isinstance(layer, kind) and layer not in but:
                setattr(parent, name, replacement(layer))
                yield


def _packed_convolution(conv: nn.Conv1d) -> nn.Module:
    if overlap_save.IS_FASTER and conv.kernel_size[0] >= _OVERLAP_SAVE_FROM:
        return OverlapSaveConv1d(conv)
    return ChannelsLastConv1d(conv)


def _fused_block(block: TransformerBlock) -> nn.Module:
    if isinstance(block.expand, Int8Linear):
        return Int8TransformerBlock(block) if features.has_vnni() else block
    return FusedTransformerBlock(block) if onednn_takes(block.expand.weight) else block


def _onednn_linear(linear: nn.Linear, pack: bool = True) -> nn.Module:
    return OneDNNLinear(linear, pack) if onednn_takes(linear.weight) else linear
