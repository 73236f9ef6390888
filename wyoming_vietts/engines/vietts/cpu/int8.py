"""The language model with 8-bit weights: each token reads a quarter of the bytes."""

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....steps import Steps
from ..networks.layers import Linear
from ..networks.lm import SpeechLM
from .memory import forget

_PADDING = 64  # hidden units; see `use_int8`


class Int8Linear(nn.Module):
    """y = x W^T + b; each row of W is 8-bit integers times a scale, as stored in a file."""

    weight: Tensor
    """[out, in] int8."""
    scales: Tensor
    """[out] fp32, one for each row."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        shape, device = linear.weight.shape, linear.weight.device
        self.register_buffer("weight", torch.empty(shape, dtype=torch.int8, device=device))
        self.register_buffer("scales", torch.empty(len(linear.weight), device=device))
        self.bias = linear.bias
        if not linear.weight.is_meta:
            self.scales = linear.weight.abs().amax(dim=1).clamp_min(1e-12) / 127
            self.weight = (linear.weight / self.scales[:, None]).round().to(torch.int8)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scales[:, None], self.bias)


class PackedInt8Linear(nn.Module):
    """Like `Int8Linear`, but in 8-bit arithmetic: x is quantized, too, at every call.

    x is quantized to 7 bits: without VNNI instructions, sums of products of 8-bit numbers overflow.
    """

    def __init__(self, linear: Int8Linear) -> None:
        """Pack a layer's weights in the order in which the processor reads them.

        The scales are applied in `forward`: packing them would take a third of PyTorch's time.
        """
        super().__init__()
        with warnings.catch_warnings():  # PyTorch 2.14 deprecates this type
            warnings.simplefilter("ignore", UserWarning)
            integers = torch._make_per_tensor_quantized_tensor(linear.weight, 1.0, 0)
        self._packed = torch.ops.quantized.linear_prepack(integers, None)
        forget(linear.weight)
        self.scales, self.bias = linear.scales, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        products = torch.ops.quantized.linear_dynamic(x, self._packed, reduce_range=True)
        return torch.addcmul(self.bias, products, self.scales)


def use_int8(lm: SpeechLM) -> Steps[None]:
    """Quantize the layers that run for every sentence or token.

    Pauses after each layer. Feed-forward layers get 64 more hidden units, which are always 0: rows
    of 4096 weights compete for the same cache lines, and take twice as long to pack.
    """
    for encoder in (lm.text_encoder, lm.decoder):
        for layer in encoder.layers:
            attention = layer.attention
            for name in ("query_key_value", "output"):
                setattr(attention, name, Int8Linear(getattr(attention, name)))
                yield
            expand = _padded(layer.expand, outputs=_PADDING)
            contract = _padded(layer.contract, inputs=_PADDING)
            for name, linear in (("expand", expand), ("contract", contract)):
                setattr(layer, name, Int8Linear(linear))
                yield
    setattr(lm, "lm_head", Int8Linear(lm.lm_head))  # noqa: B010, another type of layer


def _padded(linear: nn.Linear, inputs: int = 0, outputs: int = 0) -> nn.Linear:
    """Add inputs, which have no effect, and outputs, which are 0, to a layer."""
    padded = Linear(linear.in_features + inputs, linear.out_features + outputs, device="meta")
    padded.weight = nn.Parameter(F.pad(linear.weight, (0, inputs, 0, outputs)), requires_grad=False)
    padded.bias = nn.Parameter(F.pad(linear.bias, (0, outputs)), requires_grad=False)
    return padded
