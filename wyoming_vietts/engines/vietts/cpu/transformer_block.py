"""The U-Net's transformer block with sums and GELU fused into its linear layers."""

from collections.abc import Callable

from torch import Tensor, nn

from ..networks.layers import split_heads
from ..networks.unet import TransformerBlock
from .linear import OneDNNLinear, attend


class FusedTransformerBlock(nn.Module):
    """Replaces a `TransformerBlock`, with its layers, computed by oneDNN."""

    def __init__(
        self, block: TransformerBlock, after_norm: Callable[[nn.Linear], nn.Module] = OneDNNLinear
    ) -> None:
        """Take over a block; `after_norm` replaces the layers after its norms."""
        super().__init__()
        self.heads = block.heads
        self.attention_norm = block.attention_norm
        self.query_key_value = after_norm(block.query_key_value)
        self.project = OneDNNLinear(block.project)
        self.feed_forward_norm = block.feed_forward_norm
        self.expand = after_norm(block.expand)
        self.contract = OneDNNLinear(block.contract)

    def forward(self, x: Tensor) -> Tensor:
        """[B, F, C] -> [B, F, C]."""
        q, k, v = split_heads(self.query_key_value(self.attention_norm(x)), self.heads)
        x = self.project(attend(q, k, v).transpose(1, 2).flatten(2), added=x)
        hidden = self.expand(self.feed_forward_norm(x), gelu=True)
        return self.contract(hidden, added=x)  # type: ignore[no-any-return]
