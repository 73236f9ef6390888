"""The language model with 8-bit weights: a quarter of the bytes that every token has to read."""

import torch
from torch import Tensor, nn

from .lm import SpeechLM
from .memory import forget


class Int8Linear(nn.Module):
    """y = x W^T + b: a row of W is 8-bit integers and a scale, and x is rounded as it comes.

    x is rounded to 7 bits, as sums of products of 8-bit numbers overflow on processors without
    VNNI instructions.
    """

    weight: Tensor
    """[out, in] int8."""
    scales: Tensor
    """[out] fp32, one a row."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        shape, device = linear.weight.shape, linear.weight.device
        self.register_buffer("weight", torch.empty(shape, dtype=torch.int8, device=device))
        self.register_buffer("scales", torch.empty(len(linear.weight), device=device))
        self.bias = linear.bias
        self._packed: object = None
        if not linear.weight.is_meta:
            self.scales = linear.weight.abs().amax(dim=1).clamp_min(1e-12) / 127
            self.weight = (linear.weight / self.scales[:, None]).round().to(torch.int8)

    def pack(self) -> None:
        """Bring the weights into the order that the processor reads them in."""
        zeros = torch.zeros(len(self.scales), dtype=torch.int64)
        quantized = torch._make_per_channel_quantized_tensor(
            self.weight, self.scales.double(), zeros, 0
        )
        self._packed = torch.ops.quantized.linear_prepack(quantized, self.bias)
        forget(self.weight)
        del self.weight, self.scales

    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = torch.ops.quantized.linear_dynamic(input, self._packed, reduce_range=True)
        return output


def use_int8(lm: SpeechLM) -> None:
    """Put `Int8Linear` in place of the layers that a token has to read."""
    for encoder in (lm.text_encoder, lm.decoder):
        for layer in encoder.layers:
            attention = layer.attention
            for name in ("query", "key", "value", "output"):
                setattr(attention, name, Int8Linear(getattr(attention, name)))
            for name in ("expand", "contract"):
                setattr(layer, name, Int8Linear(getattr(layer, name)))
    setattr(lm, "logits", Int8Linear(lm.logits))  # noqa: B010, another type of layer
