"""The published config.yaml.

hyperpyyaml's tags (`!new:module.Class`) build Python objects. Here a tag is a word to compare, and
nothing is imported or called. Every key of the sections `llm`, `flow` and `hift` must be known; the
rest of the file is for training.
"""

from pathlib import Path
from typing import Literal

from ..networks.config import (
    EncoderConfig,
    FlowConfig,
    HiFTConfig,
    LMConfig,
    ModelConfig,
    SamplingConfig,
    UNetConfig,
)
from .hyperpyyaml import Section, read_yaml


def read_published_config(path: Path) -> ModelConfig:
    """Read config.yaml.

    Raises:
        ModelError: a key is unknown, missing or of the wrong type, or has a value that is not
            implemented, or the file is not YAML.
    """
    top = Section(path, "", read_yaml(path))
    config = ModelConfig(
        lm=_read_lm(top.section("llm", "TransformerLM")),
        flow=_read_flow(top.section("flow", "MaskedDiffWithXvec")),
        hift=_read_hift(top.section("hift", "HiFTGenerator")),
    )
    top.close()
    return config


# --- the sections -------------------------------------------------------------------------------


def _read_lm(s: Section) -> LMConfig:
    s.ignore("length_normalized_loss", "lsm_weight")  # training
    s.ignore("text_encoder_input_size", "llm_input_size", "llm_output_size")  # implied by parts
    sampling = s.section("sampling", "ras_sampling").read(
        SamplingConfig, top_p="top_p", top_k="top_k", window="win_size", repetition="tau_r"
    )
    sizes = s.read(
        LMConfig,
        text_vocabulary="text_token_size",
        speech_vocabulary="speech_token_size",
        speaker_size="spk_embed_dim",
    )
    return LMConfig(
        **sizes,
        text_encoder=_read_encoder(s.section("text_encoder", "ConformerEncoder"), causal=True),
        decoder=_read_encoder(s.section("llm", "TransformerEncoder"), causal=True),
        sampling=SamplingConfig(**sampling),
    )


def _read_encoder(s: Section, causal: bool) -> EncoderConfig:
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
    sizes = s.read(
        EncoderConfig,
        input_size="input_size",
        size="output_size",
        heads="attention_heads",
        feed_forward_size="linear_units",
        layers="num_blocks",
    )
    activation: Literal["silu", "relu"] = "silu" if conformer else "relu"
    return EncoderConfig(**sizes, activation=activation, input_relu=not conformer, causal=causal)


def _read_flow(s: Section) -> FlowConfig:
    s.ignore("only_mask_loss")
    s.expect("output_type", "mel")
    sizes = s.read(
        FlowConfig,
        mel_bands="output_size",
        speaker_size="spk_embed_dim",
        speech_vocabulary="vocab_size",
        token_rate="input_frame_rate",
        size="input_size",
    )
    bands = sizes["mel_bands"]
    regulator = s.section("length_regulator", "InterpolateRegulator")
    regulator.expect("sampling_ratios", [1, 1, 1, 1])
    regulator.expect("channels", bands)
    decoder = s.section("decoder", "ConditionalCFM")
    decoder.expect("n_spks", 1)
    decoder.expect("spk_emb_dim", bands)
    decoder.expect("in_channels", 3 * bands)
    solver = decoder.section("cfm_params", "DictConfig").section("content")
    solver.ignore("sigma_min", "training_cfg_rate", "reg_loss_type")
    solver.expect("solver", "euler")
    solver.expect("t_scheduler", "cosine")
    estimator = decoder.section("estimator", "ConditionalDecoder")
    estimator.ignore("dropout")
    estimator.expect("act_fn", "gelu")
    unet = estimator.read(
        UNetConfig,
        in_channels="in_channels",
        out_channels="out_channels",
        channels="channels",
        heads="num_heads",
        head_size="attention_head_dim",
        blocks="n_blocks",
        middle_stages="num_mid_blocks",
    )
    return FlowConfig(
        **sizes,
        **solver.read(FlowConfig, guidance="inference_cfg_rate"),
        regulator_layers=4,
        encoder=_read_encoder(s.section("encoder", "ConformerEncoder"), causal=False),
        unet=UNetConfig(**unet),
    )


def _read_hift(s: Section) -> HiFTConfig:
    sizes = s.read(
        HiFTConfig,
        sample_rate="sampling_rate",
        mel_bands="in_channels",
        channels="base_channels",
        harmonics="nb_harmonics",
        sine_amplitude="nsf_alpha",
        noise_amplitude="nsf_sigma",
        voiced_threshold="nsf_voiced_threshold",
        upsample_rates="upsample_rates",
        upsample_kernels="upsample_kernel_sizes",
        kernels="resblock_kernel_sizes",
        dilations="resblock_dilation_sizes",
        source_kernels="source_resblock_kernel_sizes",
        source_dilations="source_resblock_dilation_sizes",
        leaky_slope="lrelu_slope",
        limit="audio_limit",
    )
    f0 = s.section("f0_predictor", "ConvRNNF0Predictor")
    f0.expect("num_class", 1)
    f0.expect("in_channels", sizes["mel_bands"])
    return HiFTConfig(
        **sizes,
        **s.section("istft_params").read(HiFTConfig, fft_size="n_fft", hop_samples="hop_len"),
        **f0.read(HiFTConfig, f0_channels="cond_channels"),
    )
