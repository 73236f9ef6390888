"""A model directory in the published format, small enough to be made for every test run.

Weights come from numpy's legacy generator, whose numbers are frozen: the golden files hold as long
as this file does.  No bias, gain or Snake alpha is left at 0 or 1, so that one which is forgotten
shows.
"""

from pathlib import Path

import numpy as np
import torch
import yaml
from numpy.random import RandomState

from tests.engines.onnx.graph import FLOAT, INT32, INT64, Graph
from wyoming_vietts.engines.vietts.convert.parameter_names import published_names
from wyoming_vietts.engines.vietts.convert.published_config import read_published_config
from wyoming_vietts.engines.vietts.model.tokenizer import SPECIAL_TOKENS
from wyoming_vietts.engines.vietts.networks.networks import empty_networks

MERGES = ("xi", "xin", "ph", "ng", "ò", "òng", "à", "ào", "ch", "chào")
TEXT_VOCABULARY = 256 + len(MERGES) + SPECIAL_TOKENS + 3
SPEECH_VOCABULARY = 60


class New(dict):
    """A mapping with the tag !new:<name> (or !name:<name>)."""

    def __init__(self, name: str, tag: str = "!new:", **values: object) -> None:
        super().__init__(values)
        self.tag = tag + name


class Ref(str):
    """!ref <name of a top-level value>."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(New, lambda dumper, new: dumper.represent_mapping(new.tag, new.items()))
_Dumper.add_representer(Ref, lambda dumper, ref: dumper.represent_scalar("!ref", f"<{ref}>"))


def config(token_rate: int = 25) -> dict:
    """config.yaml as a tree; tests change it and write it with ``write_config``."""
    layer = {
        "attention_heads": 2,
        "linear_units": 24,
        "num_blocks": 2,
        "dropout_rate": 0.1,
        "positional_dropout_rate": 0.1,
        "attention_dropout_rate": 0.0,
        "pos_enc_layer_type": "rel_pos_espnet",
        "selfattention_layer_type": "rel_selfattn",
    }
    conformer = {
        **layer,
        "input_layer": "linear",
        "normalize_before": True,
        "use_cnn_module": False,
        "macaron_style": False,
    }
    lm = New(
        "viettts.llm.llm.TransformerLM",
        text_encoder_input_size=12,
        llm_input_size=16,
        llm_output_size=16,
        text_token_size=TEXT_VOCABULARY,
        speech_token_size=SPEECH_VOCABULARY,
        length_normalized_loss=True,
        lsm_weight=0,
        spk_embed_dim=Ref("spk_embed_dim"),
        text_encoder=New(
            "viettts.transformer.encoder.ConformerEncoder",
            **conformer,
            input_size=12,
            output_size=20,
            use_dynamic_chunk=False,
            use_dynamic_left_chunk=False,
            static_chunk_size=1,
        ),
        llm=New(
            "viettts.transformer.encoder.TransformerEncoder",
            **layer,
            input_layer="linear_legacy",
            input_size=16,
            output_size=16,
            static_chunk_size=1,
        ),
        sampling=New(
            "viettts.utils.common.ras_sampling",
            tag="!name:",
            top_p=0.8,
            top_k=25,
            win_size=10,
            tau_r=0.1,
        ),
    )
    decoder = New(
        "viettts.flow.flow_matching.ConditionalCFM",
        in_channels=240,
        n_spks=1,
        spk_emb_dim=80,
        cfm_params=New(
            "omegaconf.DictConfig",
            content={
                "sigma_min": 1e-6,
                "solver": "euler",
                "t_scheduler": "cosine",
                "training_cfg_rate": 0.2,
                "inference_cfg_rate": 0.7,
                "reg_loss_type": "l1",
            },
        ),
        estimator=New(
            "viettts.flow.decoder.ConditionalDecoder",
            in_channels=320,
            out_channels=80,
            channels=[16, 16],
            dropout=0.0,
            attention_head_dim=8,
            n_blocks=1,
            num_mid_blocks=2,
            num_heads=2,
            act_fn="gelu",
        ),
    )
    flow = New(
        "viettts.flow.flow.MaskedDiffWithXvec",
        input_size=16,
        output_size=80,
        spk_embed_dim=Ref("spk_embed_dim"),
        output_type="mel",
        vocab_size=SPEECH_VOCABULARY,
        input_frame_rate=token_rate,
        only_mask_loss=True,
        encoder=New(
            "viettts.transformer.encoder.ConformerEncoder",
            **conformer,
            input_size=16,
            output_size=16,
        ),
        length_regulator=New(
            "viettts.flow.length_regulator.InterpolateRegulator",
            channels=80,
            sampling_ratios=[1, 1, 1, 1],
        ),
        decoder=decoder,
    )
    hift = New(
        "viettts.hifigan.generator.HiFTGenerator",
        in_channels=80,
        base_channels=16,
        nb_harmonics=8,
        sampling_rate=Ref("sample_rate"),
        nsf_alpha=0.1,
        nsf_sigma=0.003,
        nsf_voiced_threshold=10,
        upsample_rates=[8, 8],
        upsample_kernel_sizes=[16, 16],
        istft_params={"n_fft": 16, "hop_len": 4},
        resblock_kernel_sizes=[3, 7, 11],
        resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        source_resblock_kernel_sizes=[7, 11],
        source_resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5]],
        lrelu_slope=0.1,
        audio_limit=0.99,
        f0_predictor=New(
            "viettts.hifigan.f0_predictor.ConvRNNF0Predictor",
            num_class=1,
            in_channels=80,
            cond_channels=16,
        ),
    )
    return {"sample_rate": 22050, "spk_embed_dim": 192, "llm": lm, "flow": flow, "hift": hift}


def write_config(path: Path, tree: dict) -> None:
    path.write_text(yaml.dump(tree, Dumper=_Dumper, sort_keys=False))


def write_model_dir(path: Path, seed: int, token_rate: int = 25) -> Path:
    """Write the six published files, and a vocabulary."""
    path.mkdir(parents=True, exist_ok=True)
    write_config(path / "config.yaml", config(token_rate))
    networks = empty_networks(read_published_config(path / "config.yaml"))
    for part, network in networks.parts.items():
        torch.save(_weights(part, network, RandomState(seed)), path / f"{part}.pt")
    _write_speech_embedding(path / "speech_embedding.onnx", RandomState(seed))
    _write_speech_tokenizer(
        path / "speech_tokenizer.onnx", RandomState(seed), stride=100 // token_rate
    )
    _write_vocabulary(path / "multilingual.tiktoken")
    return path


def _weights(part: str, network: torch.nn.Module, random: RandomState) -> dict[str, torch.Tensor]:
    """Random tensors under their published names, in the order of those."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, tensor in network.state_dict().items():
        names = published_names(part, name)
        shape = (tensor.shape[0] // len(names), *tensor.shape[1:])
        for published in names:
            if part == "hift" and len(shape) == 3 and not published.startswith("source_downs"):
                shapes[f"{published}_g"], shapes[f"{published}_v"] = (shape[0], 1, 1), shape
            else:
                shapes[published] = shape
    state = {name: _values(name, shapes[name], random) for name in sorted(shapes)}
    if part == "hift":  # a pitch that crosses the threshold of 10 Hz and reaches a voice's
        state["f0_predictor.classifier.weight"] *= 200
        state["f0_predictor.classifier.bias"][:] = -90
    return {name: torch.from_numpy(values) for name, values in state.items()}


def _values(name: str, shape: tuple[int, ...], random: RandomState) -> np.ndarray:
    values = random.standard_normal(shape)
    if name.endswith("alpha"):
        values = 1 + 0.3 * np.tanh(values)
    elif name.endswith("weight_g"):
        values = 0.85 + 0.1 * np.tanh(values)
    elif len(shape) == 1 and name.endswith("weight"):
        values = 1 + 0.1 * values
    elif len(shape) == 1:
        values = 0.05 * values
    elif "embedding" not in name:
        values = values / np.sqrt(np.prod(shape[1:]))
    return values.astype(np.float32)


# --- the front end's networks --------------------------------------------------------------------


def _write_speech_embedding(path: Path, random: RandomState) -> None:
    """Mean and largest value of each band over time, and a matrix: [1, n, 80] -> [1, 192]."""
    graph = Graph(random)
    matrix = graph.weight(160, 192, scale=1 / 13)
    square = graph.node("Mul", "feats", "feats")
    mean = graph.node("ReduceMean", square, axes=[1], keepdims=0)
    largest = graph.node("ReduceMax", "feats", axes=[1], keepdims=0)
    both = graph.node("Concat", mean, largest, axis=1)
    output = graph.node("MatMul", both, matrix, output="embedding")
    graph.save(path, {"feats": (FLOAT, [1, "n", 80])}, output, (FLOAT, [1, 192]))


def _write_speech_tokenizer(path: Path, random: RandomState, stride: int) -> None:
    """A convolution and the largest of its channels: [1, 128, n] -> [1, n / stride]."""
    graph = Graph(random)
    kernel = random.standard_normal((SPEECH_VOCABULARY, 128, stride))
    kernel -= kernel.mean(axis=(1, 2), keepdims=True)  # loudness alone should not decide
    kernel_name = graph.constant(kernel.astype(np.float32))
    step, zero, one = (graph.constant(np.array([value])) for value in (stride, 0, 1))
    scores = graph.node("Conv", "feats", kernel_name, strides=[stride])
    tokens = graph.node("ArgMax", scores, axis=1, keepdims=0)
    count = graph.node("Div", graph.node("Cast", "feats_length", to=INT64), step)
    output = graph.node("Slice", tokens, zero, count, one, output="indices")
    inputs = {"feats": (FLOAT, [1, 128, "n"]), "feats_length": (INT32, [1])}
    graph.save(path, inputs, output, (INT64, [1, "tokens"]))


def _write_vocabulary(path: Path) -> None:
    import base64

    tokens = [bytes([byte]) for byte in range(256)] + [merge.encode() for merge in MERGES]
    lines = [f"{base64.b64encode(token).decode()} {rank}" for rank, token in enumerate(tokens)]
    path.write_text("\n".join(lines) + "\n")
