"""The flow's transformer blocks with 8-bit layers, for processors with VNNI and without bf16.

Only the layers after a norm are 8-bit: the inputs of the others are too uneven.
"""

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....steps import Steps
from ..networks.flow import Flow
from ..networks.layers import split_heads
from ..networks.unet import TransformerBlock
from .int8 import Int8Linear
from .memory import forget
from .transformer_block import FusedTransformerBlock


def use_int8_in_flow(flow: Flow) -> Steps[None]:
    """Quantize the layers after the norms of the U-Net's transformer blocks.

    Pauses after each block. The square roots of a norm's gains move into the layer: an outlier
    among the gains then coarsens neither the inputs nor the weights much (arXiv 2211.10438).
    """
    for block in flow.unet.modules():
        if isinstance(block, TransformerBlock):
            for norm, name in (
                (block.attention_norm, "query_key_value"),
                (block.feed_forward_norm, "expand"),
            ):
                linear = getattr(block, name)
                moved = norm.weight.abs().clamp_min(1e-5).sqrt()
                norm.weight = nn.Parameter(norm.weight / moved, requires_grad=False)
                norm.bias = nn.Parameter(norm.bias / moved, requires_grad=False)
                linear.weight = nn.Parameter(linear.weight * moved, requires_grad=False)
                setattr(block, name, Int8Linear(linear))
            yield


class VNNILinear(nn.Module):
    """Like `Int8Linear`, but in 8-bit arithmetic: x is quantized, too, at every call.

    x becomes unsigned integers q with one scale and one zero point z for the whole tensor:
    x = scale (q - z). oneDNN is faster without z, so its part is subtracted from the bias.
    """

    def __init__(self, linear: Int8Linear) -> None:
        """Pack a layer's weights in the order in which the processor reads them."""
        super().__init__()
        outputs = len(linear.weight)
        self.scales = linear.scales
        self.bias = torch.zeros(outputs) if linear.bias is None else linear.bias
        self._sums = linear.weight.sum(dim=1) * linear.scales
        self._zero_points = torch.zeros(outputs, dtype=torch.int32)  # of the weights
        self._packed = torch.ops.onednn.qlinear_prepack(linear.weight, None)
        forget(linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]."""
        low, high = torch.aminmax(x)
        smallest, largest = min(float(low), 0.0), max(float(high), 0.0)
        scale = max(largest - smallest, 1e-12) / 255
        zero_point = round(-smallest / scale)
        with warnings.catch_warnings():  # PyTorch 2.14 deprecates this type
            warnings.simplefilter("ignore", UserWarning)
            integers = torch.quantize_per_tensor(x, scale, zero_point, torch.quint8).int_repr()
        output: Tensor = torch.ops.onednn.qlinear_pointwise(
            *(integers, scale, 0),
            *(self._packed, self.scales, self._zero_points),
            torch.sub(self.bias, self._sums, alpha=scale * zero_point),
            *(1.0, 0, torch.float32),  # the output is not quantized
            *("none", [], ""),  # a fused GELU takes longer than one by itself
        )
        return output


class Int8TransformerBlock(FusedTransformerBlock):
    """Replaces a `TransformerBlock` that has 8-bit weights, with its layers."""

    def __init__(self, block: TransformerBlock) -> None:
        super().__init__(block, _packed)

    def forward(self, x: Tensor) -> Tensor:
        """[B, F, C] -> [B, F, C]."""
        q, k, v = split_heads(self.query_key_value(self.attention_norm(x)), self.heads)
        # These processors are Intel's, on which this is faster than head by head in `attend`.
        attended = F.scaled_dot_product_attention(q, k, v)  # [B, H, F, D]
        x = self.project(attended.transpose(1, 2).flatten(2), added=x)
        hidden = F.gelu(self.expand(self.feed_forward_norm(x)))
        return self.contract(hidden, added=x)  # type: ignore[no-any-return]


def _packed(layer: nn.Module) -> VNNILinear:
    assert isinstance(layer, Int8Linear)
    return VNNILinear(layer)
