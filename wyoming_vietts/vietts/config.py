"""The model directory's config.yaml, read as data.

The file is written for hyperpyyaml, whose tags (``!new:module.Class``) build Python objects.
Here a tag is a word to compare and nothing is ever imported or called.  Of the three sections
``llm``, ``flow`` and ``hift`` every key must be known; the rest of the file is for training.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml


class ConfigError(ValueError):
    """config.yaml is not what this program can run; the message names file and key."""


@dataclass(frozen=True)
class EncoderConfig:
    """A stack of pre-norm transformer layers with relative positions."""

    input_size: int
    size: int
    heads: int
    feed_forward_size: int
    layers: int
    activation: str
    """Of the feed-forward: "silu" or "relu"."""
    input_relu: bool
    """Whether a ReLU follows the input layer's norm."""
    causal: bool


@dataclass(frozen=True)
class SamplingConfig:
    """How a speech token is drawn; see ``sampling``."""

    top_p: float
    top_k: int
    window: int
    """Tokens looked back upon for a repetition."""
    repetition: float
    """Share of the window that counts as a repetition."""


@dataclass(frozen=True)
class LMConfig:
    """The language model from text tokens to speech tokens."""

    text_vocabulary: int
    speech_vocabulary: int
    speaker_size: int
    text_encoder: EncoderConfig
    decoder: EncoderConfig
    sampling: SamplingConfig


@dataclass(frozen=True)
class UNetConfig:
    """The network that gives the flow's velocity."""

    in_channels: int
    out_channels: int
    channels: tuple[int, ...]
    heads: int
    head_size: int
    blocks: int
    """Transformer blocks in a stage."""
    middle_stages: int


@dataclass(frozen=True)
class FlowConfig:
    """The flow from speech tokens to a mel spectrogram."""

    mel_bands: int
    speaker_size: int
    speech_vocabulary: int
    token_rate: int
    """Speech tokens a second."""
    size: int
    regulator_layers: int
    guidance: float
    """Weight of classifier-free guidance."""
    encoder: EncoderConfig
    unet: UNetConfig


@dataclass(frozen=True)
class HiFTConfig:
    """The vocoder from a mel spectrogram to a waveform."""

    sample_rate: int
    mel_bands: int
    channels: int
    harmonics: int
    """Overtones beside the fundamental."""
    sine_amplitude: float
    noise_amplitude: float
    voiced_threshold: float
    """Hz; below it a frame is unvoiced."""
    upsample_rates: tuple[int, ...]
    upsample_kernels: tuple[int, ...]
    fft_size: int
    hop_samples: int
    kernels: tuple[int, ...]
    dilations: tuple[tuple[int, ...], ...]
    source_kernels: tuple[int, ...]
    source_dilations: tuple[tuple[int, ...], ...]
    leaky_slope: float
    limit: float
    f0_channels: int


@dataclass(frozen=True)
class ModelConfig:
    """Everything config.yaml says about the three networks."""

    lm: LMConfig
    flow: FlowConfig
    hift: HiFTConfig


def load_config(path: Path) -> ModelConfig:
    """Read config.yaml.

    Raises:
        ConfigError: a key is unknown, missing, of the wrong type or of a value that is not
            implemented, or the file is not YAML.
    """
    top = _Section(path, "", _read_yaml(path))
    return ModelConfig(
        lm=_read_lm(top.section("llm", "TransformerLM")),
        flow=_read_flow(top.section("flow", "MaskedDiffWithXvec")),
        hift=_read_hift(top.section("hift", "HiFTGenerator")),
    )


# --- the sections -------------------------------------------------------------------------------


def _read_lm(s: "_Section") -> LMConfig:
    s.ignore("length_normalized_loss", "lsm_weight")  # training
    s.ignore("text_encoder_input_size", "llm_input_size", "llm_output_size")  # told by the parts
    sampling = s.section("sampling", "ras_sampling")
    config = LMConfig(
        text_vocabulary=s.integer("text_token_size"),
        speech_vocabulary=s.integer("speech_token_size"),
        speaker_size=s.integer("spk_embed_dim"),
        text_encoder=_read_encoder(s.section("text_encoder", "ConformerEncoder"), causal=True),
        decoder=_read_encoder(s.section("llm", "TransformerEncoder"), causal=True),
        sampling=SamplingConfig(
            top_p=sampling.number("top_p"),
            top_k=sampling.integer("top_k"),
            window=sampling.integer("win_size"),
            repetition=sampling.number("tau_r"),
        ),
    )
    sampling.close()
    s.close()
    return config


def _read_encoder(s: "_Section", causal: bool) -> EncoderConfig:
    conformer = s.class_name == "ConformerEncoder"
    s.ignore("dropout_rate", "positional_dropout_rate", "attention_dropout_rate")
    s.expect("input_layer", "linear" if conformer else "linear_legacy")
    s.expect("pos_enc_layer_type", "rel_pos_espnet")
    s.expect("selfattention_layer_type", "rel_selfattn")
    s.expect("normalize_before", True, default=True)
    s.expect("key_bias", True, default=True)
    s.expect("use_dynamic_chunk", False, default=False)
    s.expect("use_dynamic_left_chunk", False, default=False)
    s.expect("static_chunk_size", int(causal), default=0)
    s.expect("activation_type", "swish" if conformer else "relu", default=...)
    if conformer:
        s.expect("macaron_style", False)
        s.expect("use_cnn_module", False)
    config = EncoderConfig(
        input_size=s.integer("input_size"),
        size=s.integer("output_size"),
        heads=s.integer("attention_heads"),
        feed_forward_size=s.integer("linear_units"),
        layers=s.integer("num_blocks"),
        activation="silu" if conformer else "relu",
        input_relu=not conformer,
        causal=causal,
    )
    s.close()
    return config


def _read_flow(s: "_Section") -> FlowConfig:
    s.ignore("only_mask_loss")
    s.expect("output_type", "mel")
    regulator = s.section("length_regulator", "InterpolateRegulator")
    regulator.expect("sampling_ratios", [1, 1, 1, 1])
    decoder = s.section("decoder", "ConditionalCFM")
    decoder.expect("n_spks", 1)
    solver = decoder.section("cfm_params", "DictConfig").section("content", None)
    solver.ignore("sigma_min", "training_cfg_rate", "reg_loss_type")
    solver.expect("solver", "euler")
    solver.expect("t_scheduler", "cosine")
    estimator = decoder.section("estimator", "ConditionalDecoder")
    estimator.ignore("dropout")
    estimator.expect("act_fn", "gelu")
    bands = s.integer("output_size")
    for section, key in ((regulator, "channels"), (decoder, "spk_emb_dim")):
        section.expect(key, bands)
    decoder.expect("in_channels", 3 * bands)
    config = FlowConfig(
        mel_bands=bands,
        speaker_size=s.integer("spk_embed_dim"),
        speech_vocabulary=s.integer("vocab_size"),
        token_rate=s.integer("input_frame_rate"),
        size=s.integer("input_size"),
        regulator_layers=4,
        guidance=solver.number("inference_cfg_rate"),
        encoder=_read_encoder(s.section("encoder", "ConformerEncoder"), causal=False),
        unet=UNetConfig(
            in_channels=estimator.integer("in_channels"),
            out_channels=estimator.integer("out_channels"),
            channels=estimator.integers("channels"),
            heads=estimator.integer("num_heads"),
            head_size=estimator.integer("attention_head_dim"),
            blocks=estimator.integer("n_blocks"),
            middle_stages=estimator.integer("num_mid_blocks"),
        ),
    )
    for section in (regulator, solver, estimator, decoder, s):
        section.close()
    return config


def _read_hift(s: "_Section") -> HiFTConfig:
    istft = s.section("istft_params", None)
    f0 = s.section("f0_predictor", "ConvRNNF0Predictor")
    f0.expect("num_class", 1)
    bands = s.integer("in_channels")
    f0.expect("in_channels", bands)
    config = HiFTConfig(
        sample_rate=s.integer("sampling_rate"),
        mel_bands=bands,
        channels=s.integer("base_channels"),
        harmonics=s.integer("nb_harmonics"),
        sine_amplitude=s.number("nsf_alpha"),
        noise_amplitude=s.number("nsf_sigma"),
        voiced_threshold=s.number("nsf_voiced_threshold"),
        upsample_rates=s.integers("upsample_rates"),
        upsample_kernels=s.integers("upsample_kernel_sizes"),
        fft_size=istft.integer("n_fft"),
        hop_samples=istft.integer("hop_len"),
        kernels=s.integers("resblock_kernel_sizes"),
        dilations=s.integer_rows("resblock_dilation_sizes"),
        source_kernels=s.integers("source_resblock_kernel_sizes"),
        source_dilations=s.integer_rows("source_resblock_dilation_sizes"),
        leaky_slope=s.number("lrelu_slope"),
        limit=s.number("audio_limit"),
        f0_channels=f0.integer("cond_channels"),
    )
    for section in (istft, f0, s):
        section.close()
    return config


# --- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tagged:
    """A mapping that hyperpyyaml would hand to ``class_name``."""

    class_name: str
    values: Mapping[str, Any]


class _Section:
    """One mapping of the file, of which every key must be asked for before ``close``."""

    def __init__(self, path: Path, name: str, values: Mapping[str, Any], class_name: str = ""):
        self._path, self._name, self._values = path, name, values
        self._asked: set[str] = set()
        self.class_name = class_name

    def section(self, key: str, class_name: str | None) -> "_Section":
        value = self._get(key)
        found = value.class_name if isinstance(value, _Tagged) else None
        if found != class_name or not isinstance(value, _Tagged | dict):
            wanted = f"a section !new:{class_name}" if class_name else "a plain section"
            self._fail(key, f"should be {wanted}, not {found or value!r}")
        values = value.values if isinstance(value, _Tagged) else value
        return _Section(self._path, f"{self._name}{key}.", values, found or "")

    def integer(self, key: str) -> int:
        value = self._get(key)
        if type(value) is not int or value < 1:
            self._fail(key, f"should be a positive whole number, not {value!r}")
        return value

    def number(self, key: str) -> float:
        value = self._get(key)
        if type(value) not in (int, float) or value < 0:
            self._fail(key, f"should be a number of 0 or more, not {value!r}")
        return float(value)

    def integers(self, key: str) -> tuple[int, ...]:
        value = self._get(key)
        if not isinstance(value, list) or not value or any(type(v) is not int for v in value):
            self._fail(key, f"should be a list of whole numbers, not {value!r}")
        return tuple(value)

    def integer_rows(self, key: str) -> tuple[tuple[int, ...], ...]:
        rows = self._get(key)
        if not isinstance(rows, list) or not all(
            isinstance(row, list) and all(type(v) is int for v in row) for row in rows
        ):
            self._fail(key, f"should be a list of lists of whole numbers, not {rows!r}")
        return tuple(tuple(row) for row in rows)

    def expect(self, key: str, value: Any, default: Any = None) -> None:
        """Refuse any other value; a key with a default (... for the same value) may be absent."""
        if default is not None and key not in self._values:
            found = value if default is ... else default
        else:
            found = self._get(key)
        if found != value:
            self._fail(key, f"is {found!r}; only {value!r} is implemented")

    def ignore(self, *keys: str) -> None:
        self._asked.update(keys)

    def close(self) -> None:
        for key in self._values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked - set(self._values), n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                self._fail(key, f"is unknown{hint} Known: {', '.join(sorted(self._asked))}")

    def _get(self, key: str) -> Any:
        self._asked.add(key)
        if key not in self._values:
            self._fail(key, "is missing")
        return self._values[key]

    def _fail(self, key: str, what: str) -> NoReturn:
        raise ConfigError(f"{self._path}: {self._name}{key} {what}")


class _Loader(yaml.SafeLoader):
    """YAML to nodes and plain values, without aliases: they could nest without end."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ConfigError("YAML aliases (*name) are not used in a model's config.yaml")
        return super().compose_node(parent, index)


_SECTIONS = ("llm", "flow", "hift")


def _read_yaml(path: Path) -> dict[str, Any]:
    """The three sections, with !ref <name> replaced by the top-level value it names."""
    try:
        loader = _Loader(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError("not a mapping")
        scalars = {
            key.value: value for key, value in root.value if isinstance(value, yaml.ScalarNode)
        }
        nodes = {key.value: value for key, value in root.value}
        return {name: _plain(loader, nodes[name], scalars) for name in _SECTIONS if name in nodes}
    except (yaml.YAMLError, ConfigError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error
    finally:
        loader.dispose()


def _plain(loader: _Loader, node: yaml.Node, scalars: Mapping[str, yaml.ScalarNode]) -> Any:
    at = f"line {node.start_mark.line + 1}"
    if node.tag == "!ref":
        name = str(node.value).strip().removeprefix("<").removesuffix(">")
        if name not in scalars or scalars[name].tag.startswith("!"):
            raise ConfigError(f"{at}: !ref {node.value} names no top-level value")
        return _plain(loader, scalars[name], {})
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key, value in node.value:
            if key.value in values:
                raise ConfigError(f"{at}: {key.value} is given twice")
            values[str(key.value)] = _plain(loader, value, scalars)
        if node.tag.startswith(("!new:", "!name:")):
            return _Tagged(node.tag.rpartition(".")[2], values)
        if node.tag.startswith("!"):
            raise ConfigError(f"{at}: tag {node.tag} is not known; !new:, !name: and !ref are")
        return values
    if node.tag.startswith("!"):
        raise ConfigError(f"{at}: tag {node.tag} is not known; !new:, !name: and !ref are")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, scalars) for item in node.value]
    return loader.construct_object(node)
