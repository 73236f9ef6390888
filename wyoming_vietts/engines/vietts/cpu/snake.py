"""The vocoder's residual block with Snake's scales folded into its convolutions."""

from torch import Tensor, nn

from ....steps import Steps
from ..networks.hift import ResBlock
from ..networks.layers import modules
from .memory import forget


class FoldedResBlock(nn.Module):
    """Replaces a `ResBlock`, with its layers.

    Snake, x + sin^2(alpha x) / alpha, is (y + sin^2(y)) / alpha with y = alpha x. The product is
    folded into the convolution before it, the quotient into the one after it.
    """

    def __init__(self, block: ResBlock) -> None:
        super().__init__()
        self.convs1 = modules(block.convs1)
        self.convs2 = modules(block.convs2)
        self.scales = nn.ParameterList()
        for conv1, conv2, alpha1, alpha2 in zip(
            block.convs1, block.convs2, block.alphas1, block.alphas2, strict=True
        ):
            scale1, scale2 = alpha1 + 1e-9, alpha2 + 1e-9  # to divide by
            plain1, plain2 = conv1.weight, conv2.weight
            conv1.weight = _parameter(conv1.weight * scale2[:, None, None] / scale1[:, None])
            conv1.bias = _parameter(conv1.bias * scale2)
            conv2.weight = _parameter(conv2.weight / scale2[:, None])
            forget(plain1)
            forget(plain2)
            self.scales.append(_parameter(scale1))

    def walk(self, x: Tensor) -> Steps[Tensor]:
        """[1, C, n] -> [1, C, n], pausing after each pair."""
        for conv1, conv2, scale in zip(self.convs1, self.convs2, self.scales, strict=True):
            x = conv2(_snake(conv1(_snake(x * scale[:, None])))).add_(x)
            yield
        return x


def _snake(x: Tensor) -> Tensor:
    """x + sin^2(x), in place."""
    sine = x.sin()
    return x.addcmul_(sine, sine)


def _parameter(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor, requires_grad=False)
