"""The language model: text tokens and a speaker -> speech tokens, one at a time."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....steps import Steps, finish
from .config import LMConfig
from .layers import Linear, embedding
from .sampling import sample
from .transformer import Encoder, KVCache

MIN_RATIO, MAX_RATIO = 2, 20
"""Bounds of an utterance, in speech tokens for each text token."""
_TABULATED_AT_ONCE = 512  # speech tokens


class SpeechLM(nn.Module):
    """A text encoder and a decoder-only transformer over [sos, speaker, text..., task, speech...].

    The decoder's input for a speech token depends on that token alone, so it can be read from a
    table instead of being computed in every step; see `tabulate_speech_inputs`.
    """

    speech_inputs: Tensor | None
    """[V, C], the decoder's input for every speech token, once it has been tabulated."""

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.config = config
        text, decoder = config.text_encoder, config.decoder
        self.text_embedding = embedding(config.text_vocabulary, text.input_size)
        self.text_encoder = Encoder(text)
        self.text_projection = Linear(text.size, decoder.input_size)
        self.speaker_projection = Linear(config.speaker_size, decoder.input_size)
        self.marks = embedding(2, decoder.input_size)  # start of sequence, task
        self.speech_embedding = embedding(config.speech_vocabulary, decoder.input_size)
        self.decoder = Encoder(decoder)
        self.lm_head = Linear(decoder.size, config.speech_vocabulary + 1)
        self.register_buffer("speech_inputs", None, persistent=False)

    @property
    def end(self) -> int:
        """The token that ends an utterance."""
        return self.config.speech_vocabulary

    def embed_speech(self, speech_tokens: Tensor) -> Tensor:
        """Embed speech tokens [T] int64 as decoder inputs [T, C]."""
        if self.speech_inputs is None:
            return self.decoder.embed(self.speech_embedding(speech_tokens))
        return self.speech_inputs[speech_tokens]


@torch.inference_mode()
def tabulate_speech_inputs(lm: SpeechLM) -> Steps[None]:
    """Compute the decoder's inputs for all speech tokens, for use in every step; with pauses."""
    inputs = []
    for embeddings in torch.split(lm.speech_embedding.weight, _TABULATED_AT_ONCE):
        inputs.append(lm.decoder.embed(embeddings))
        yield
    lm.speech_inputs = torch.cat(inputs)


def encode_text(lm: SpeechLM, text_tokens: Tensor) -> Steps[Tensor]:
    """Encode text tokens [S] int64 as decoder inputs [1, S, C]; pauses after each layer."""
    hidden = lm.text_encoder.embed(lm.text_embedding(text_tokens)[None])
    encoded = yield from lm.text_encoder.walk(hidden)
    return lm.text_projection(encoded)  # type: ignore[no-any-return]


def prefix(lm: SpeechLM, text_tokens: Tensor, speaker_embedding: Tensor) -> Steps[Tensor]:
    """Turn text tokens [S] and a speaker [192] into the decoder's first inputs, [1, S+3, C]."""
    speaker = F.normalize(speaker_embedding[None], dim=1).to(lm.marks.weight.dtype)
    start, task = lm.marks.weight[0], lm.marks.weight[1]
    text = yield from encode_text(lm, text_tokens)
    parts = (start[None, None], lm.speaker_projection(speaker)[None], text, task[None, None])
    return lm.decoder.embed(torch.cat(parts, dim=1))


def prefill(
    lm: SpeechLM, text_tokens: Tensor, speaker_embedding: Tensor, cache: KVCache
) -> Steps[Tensor]:
    """Fill the cache with text and speaker, and return the logits [V+1] of the first token."""
    inputs = yield from prefix(lm, text_tokens, speaker_embedding)
    hidden = yield from lm.decoder.walk(inputs, cache)
    return lm.lm_head(hidden[0, -1:])[0]  # type: ignore[no-any-return]


def decode_one_token(lm: SpeechLM, token: Tensor, cache: KVCache) -> Tensor:
    """Append a speech token [1] to the cache and return the logits [V+1] of the next one."""
    hidden = lm.decoder(lm.embed_speech(token)[None], cache)
    return lm.lm_head(hidden[0])[0]  # type: ignore[no-any-return]


@torch.inference_mode()
def score(
    lm: SpeechLM, text_tokens: Tensor, speaker_embedding: Tensor, speech_tokens: Tensor
) -> Tensor:
    """Return log-probabilities [T+1, V+1] before each of the speech tokens [T] and after them."""
    start = finish(prefix(lm, text_tokens, speaker_embedding))
    inputs = torch.cat((start, lm.embed_speech(speech_tokens)[None]), dim=1)
    hidden = lm.decoder(inputs)[0, start.shape[1] - 1 :]
    return lm.lm_head(hidden).float().log_softmax(dim=-1)  # type: ignore[no-any-return]


@torch.inference_mode()
def generate(
    lm: SpeechLM,
    text_tokens: Tensor,
    speaker_embedding: Tensor,
    generator: torch.Generator | None,
) -> Iterator[int | None]:
    """Yield the speech tokens of a text until the model or `MAX_RATIO` ends it; None is a pause.

    Args:
        text_tokens: [S] int64, at least one.
        speaker_embedding: [192].
        generator: for the random draws; on the model's device.
    """
    count = text_tokens.shape[0]
    if count == 0:
        raise ValueError("there are no text tokens to speak")
    shortest, longest = MIN_RATIO * count, MAX_RATIO * count
    cache = KVCache(lm.config.decoder, like=lm.marks.weight)
    window = lm.config.sampling.window
    spoken = torch.empty(longest, dtype=torch.int64, device=text_tokens.device)
    logits = yield from prefill(lm, text_tokens, speaker_embedding, cache)
    for i in range(longest):
        recent = spoken[max(0, i - window) : i]
        forbidden = lm.end if i < shortest else None
        token = sample(logits, recent, lm.config.sampling, generator, forbidden)
        spoken[i : i + 1] = token
        if (value := int(token)) == lm.end:  # a step's only synchronisation with the device
            return
        yield value
        if i + 1 < longest:
            yield from cache.reserve(cache.length + 1)
            yield from lm.decoder.reserve(cache.length + 1)
            logits = decode_one_token(lm, token, cache)
