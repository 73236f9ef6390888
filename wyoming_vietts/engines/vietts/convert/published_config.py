"""The published config.yaml.

hyperpyyaml's tags (`!new:module.Class`) build Python objects. Here a tag is a word to compare, and
nothing is imported or called. Every key of the sections `llm`, `flow` and `hift` must be known; the
rest of the file is for training.
"""

from pathlib import Path

from ..networks.config import (
    MAX_BLOCKS,
    MAX_CHANNELS,
    MAX_HEADS,
    MAX_HIDDEN,
    MAX_LAYERS,
    EncoderConfig,
    FlowConfig,
    HiFTConfig,
    LMConfig,
    ModelConfig,
    SamplingConfig,
    UNetConfig,
)
from .hyperpyyaml import PublishedSection, read_yaml


def read_published_config(path: Path) -> ModelConfig:
    """Read config.yaml.

    Raises:
        ModelError: a key is unknown, missing or of the wrong type, or has a value that is not
            implemented, or the file is not YAML.
    """
    top = PublishedSection(path, "", read_yaml(path))
    return ModelConfig(
        lm=_read_lm(top.tagged("llm", "TransformerLM")),
        flow=_read_flow(top.tagged("flow", "MaskedDiffWithXvec")),
        hift=_read_hift(top.tagged("hift", "HiFTGenerator")),
    )


# --- the sections -------------------------------------------------------------------------------


def _read_lm(s: PublishedSection) -> LMConfig:
    s.ignore("length_normalized_loss", "lsm_weight")  # training
    s.ignore("text_encoder_input_size", "llm_input_size", "llm_output_size")  # implied by parts
    sampling = s.tagged("sampling", "ras_sampling")
    config = LMConfig(
        text_vocabulary=s.integer("text_token_size"),
        speech_vocabulary=s.integer("speech_token_size"),
        speaker_size=s.integer("spk_embed_dim"),
        text_encoder=_read_encoder(s.tagged("text_encoder", "ConformerEncoder"), causal=True),
        decoder=_read_encoder(s.tagged("llm", "TransformerEncoder"), causal=True),
        sampling=SamplingConfig(
            top_p=sampling.positive("top_p"),
            top_k=sampling.integer("top_k"),
            window=sampling.integer("win_size"),
            repetition=sampling.number("tau_r"),
        ),
    )
    sampling.close()
    s.close()
    return config


def _read_encoder(s: PublishedSection, causal: bool) -> EncoderConfig:
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
        size=s.integer("output_size", most=MAX_CHANNELS),
        heads=s.integer("attention_heads", most=MAX_HEADS),
        feed_forward_size=s.integer("linear_units", most=MAX_HIDDEN),
        layers=s.integer("num_blocks", most=MAX_LAYERS),
        activation="silu" if conformer else "relu",
        input_relu=not conformer,
        causal=causal,
    )
    s.close()
    return config


def _read_flow(s: PublishedSection) -> FlowConfig:
    s.ignore("only_mask_loss")
    s.expect("output_type", "mel")
    regulator = s.tagged("length_regulator", "InterpolateRegulator")
    regulator.expect("sampling_ratios", [1, 1, 1, 1])
    decoder = s.tagged("decoder", "ConditionalCFM")
    decoder.expect("n_spks", 1)
    solver = decoder.tagged("cfm_params", "DictConfig").section("content")
    solver.ignore("sigma_min", "training_cfg_rate", "reg_loss_type")
    solver.expect("solver", "euler")
    solver.expect("t_scheduler", "cosine")
    estimator = decoder.tagged("estimator", "ConditionalDecoder")
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
        encoder=_read_encoder(s.tagged("encoder", "ConformerEncoder"), causal=False),
        unet=UNetConfig(
            in_channels=estimator.integer("in_channels"),
            out_channels=estimator.integer("out_channels"),
            channels=estimator.integers("channels"),
            heads=estimator.integer("num_heads"),
            head_size=estimator.integer("attention_head_dim"),
            blocks=estimator.integer("n_blocks", most=MAX_BLOCKS),
            middle_stages=estimator.integer("num_mid_blocks", most=MAX_LAYERS),
        ),
    )
    for section in (regulator, solver, estimator, decoder, s):
        section.close()
    return config


def _read_hift(s: PublishedSection) -> HiFTConfig:
    istft = s.section("istft_params")
    f0 = s.tagged("f0_predictor", "ConvRNNF0Predictor")
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
