"""Pre-norm transformer layers with relative positions, whole sequences or one step at a time.

Attention is that of Transformer-XL (arXiv 1901.02860, appendix B) in ESPnet's form:

    score(i, j) = ((q_i + u) . k_j + (q_i + v) . p_(i-j)) / sqrt(D),   p_d = W sinusoid(d)

p depends on the distance alone, so each layer has a table of it, which grows by doubling and serves
every step of every utterance.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....steps import Steps, finish
from .config import EncoderConfig
from .layers import Linear, modules, split_heads


class KVCache:
    """Keys and values of the positions already seen by one utterance."""

    def __init__(self, config: EncoderConfig, like: Tensor, capacity: int = 0) -> None:
        """Reserve room for `capacity` positions, on the device and in the type of `like`."""
        shape = (2, config.layers, 1, config.heads, capacity, config.size // config.heads)
        self._use(like.new_empty(shape))
        self.length = 0

    def _use(self, tensors: Tensor) -> None:
        self.tensors = tensors  # [2, layers, B, H, capacity, D]
        self.keys, self.values = [*tensors[0]], [*tensors[1]]  # [B, H, capacity, D] for each layer
        self.capacity = tensors.shape[4]

    def reserve(self, length: int) -> Steps[None]:
        """Make room for `length` positions, at least doubling the capacity, with pauses."""
        if length <= self.capacity:
            return
        more = max(64, length, 2 * self.capacity)
        larger = self.tensors.new_empty(*self.tensors.shape[:4], more, self.tensors.shape[5])
        for new, old in zip(larger.flatten(0, 1), self.tensors.flatten(0, 1), strict=True):
            new[:, :, : self.capacity] = old
            yield
        self._use(larger)

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store [B, H, n, D] after the positions seen, and return all of them.

        `length` does not change yet: the other layers still have to store the same positions.
        """
        end = self.length + key.shape[2]
        keys, values = self.keys[layer][:, :, :end], self.values[layer][:, :, :end]
        keys[:, :, self.length :] = key
        values[:, :, self.length :] = value
        return keys, values


class RelativeAttention(nn.Module):
    """Multi-head self-attention with relative positions."""

    positions: Tensor | None
    """[H, L, D] for the distances L-1 ... 0, or [H, 2L-1, D] for L-1 ... -(L-1); scaled."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        size, self.heads, self.causal = config.size, config.heads, config.causal
        self.query_key_value = Linear(size, 3 * size)
        self.output = Linear(size, size)
        self.position = Linear(size, size, bias=False)
        self.content_bias = nn.Parameter(torch.empty(self.heads, size // self.heads))  # u
        self.position_bias = nn.Parameter(torch.empty(self.heads, size // self.heads))  # v
        self.register_buffer("positions", None, persistent=False)
        self.reserved = 0

    def set_positions(self, sinusoids: Tensor) -> None:
        """Project [L or 2L-1, C] sinusoids, largest distance first, for use in every step."""
        size, heads = sinusoids.shape[1], self.heads
        p = self.position(sinusoids).view(-1, heads, size // heads).transpose(0, 1)
        self.positions = (p / math.sqrt(size // heads)).contiguous()

    def forward(self, x: Tensor, layer: int, cache: KVCache | None) -> Tensor:
        """[B, n, C] -> [B, n, C], with the cache's positions before the n given."""
        batch, n, size = x.shape
        q, k, v = split_heads(self.query_key_value(x), self.heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        bias = self._position_scores(q + self.position_bias[:, None], k.shape[2])
        x = F.scaled_dot_product_attention(q + self.content_bias[:, None], k, v, attn_mask=bias)
        return self.output(x.transpose(1, 2).reshape(batch, n, size))  # type: ignore[no-any-return]

    def _position_scores(self, q: Tensor, length: int) -> Tensor:
        """The second term for the last n of all positions: [B, H, n, D] -> [B, H, n, length].

        Row r is position `length - n + r`; -inf masks the positions after it in a causal model.
        """
        assert self.positions is not None
        batch, heads, n, _ = q.shape
        if self.causal:
            last = self.positions.shape[1]
            table = self.positions[:, last - length :]  # distances length-1 ... 0
        else:
            middle = self.positions.shape[1] // 2
            table = self.positions[:, middle - length + 1 : middle + length]
        scores = q @ table.transpose(1, 2)  # [B, H, n, distances]
        if n == 1:
            return scores
        if self.causal:  # the distances -1 ... -(n-1) that the shift reads and the mask hides
            scores = F.pad(scores, (0, n - 1), value=-math.inf)
        # Column j of row r holds the distance length - n + r - j: the same numbers, where each row
        # starts one column further to the right than the row below it.
        width = length + n - 1
        scores = scores.contiguous()
        strides = (heads * n * width, n * width, width - 1, 1)
        return scores.as_strided((batch, heads, n, length), strides, n - 1)


class EncoderLayer(nn.Module):
    """Attention and feed-forward, each after a norm and added to its input."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.size, eps=1e-5)
        self.attention = RelativeAttention(config)
        self.feed_forward_norm = nn.LayerNorm(config.size, eps=1e-5)
        self.expand = Linear(config.size, config.feed_forward_size)
        self.contract = Linear(config.feed_forward_size, config.size)
        self.activation = F.relu if config.activation == "relu" else F.silu

    def forward(self, x: Tensor, layer: int, cache: KVCache | None) -> Tensor:
        x = x + self.attention(self.attention_norm(x), layer, cache)
        hidden = self.activation(self.expand(self.feed_forward_norm(x)))
        return x + self.contract(hidden)  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """Input layer, transformer layers, final norm."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.input = Linear(config.input_size, config.size)
        self.input_norm = nn.LayerNorm(config.size, eps=1e-5)
        self.layers = modules(EncoderLayer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.size, eps=1e-5)
        self.reserved = 0

    def embed(self, x: Tensor) -> Tensor:
        """Turn [..., input size] into the input of the layers, [..., C]."""
        x = self.input_norm(self.input(x))
        if self.config.input_relu:
            x = F.relu(x)
        return x * math.sqrt(self.config.size)

    def reserve(self, length: int) -> Steps[None]:
        """Extend the position tables to `length` positions, pausing at each layer."""
        if length <= self.reserved:
            return
        reserved = max(256, 1 << (length - 1).bit_length())
        weight = self.norm.weight
        first = 0 if self.config.causal else 1 - reserved
        distances = torch.arange(reserved - 1, first - 1, -1, device=weight.device)
        sinusoids = _sinusoids(distances, self.config.size).to(weight.dtype)
        for layer in self.layers:
            if layer.attention.reserved < reserved:  # another utterance may have extended it
                layer.attention.set_positions(sinusoids)
                layer.attention.reserved = reserved
            yield
        self.reserved = max(self.reserved, reserved)

    def walk(self, x: Tensor, cache: KVCache | None = None) -> Steps[Tensor]:
        """[B, n, C] of `embed` -> [B, n, C], pausing after each layer.

        The n positions are appended to the cache, if there is one.
        """
        end = x.shape[1]
        if cache is not None:
            end += cache.length
            yield from cache.reserve(end)
        yield from self.reserve(end)
        for index, layer in enumerate(self.layers):
            x = layer(x, index, cache)
            yield
        if cache is not None:
            cache.length = end
        return self.norm(x)  # type: ignore[no-any-return]

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        """Like `walk`, without a pause."""
        return finish(self.walk(x, cache))


def _sinusoids(distances: Tensor, size: int) -> Tensor:
    """Return sine and cosine of each distance, alternating, [n] -> [n, size] in fp32."""
    powers = torch.arange(0, size, 2, dtype=torch.float32, device=distances.device)
    rates = torch.exp(powers * -(math.log(10000.0) / size))
    angles = distances.to(torch.float32)[:, None] * rates
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)
