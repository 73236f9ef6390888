"""Names of the networks' parameters in the published files."""

import re
from collections.abc import Callable

_ENCODER = (
    (r"\.input\.", ".embed.out.0."),
    (r"\.input_norm\.", ".embed.out.1."),
    (r"\.norm\.", ".after_norm."),
    (r"\.layers\.", ".encoders."),
    (r"\.attention\.(query|key|value)", lambda m: f".self_attn.linear_{m[1][0]}"),
    (r"\.attention\.output", ".self_attn.linear_out"),
    (r"\.attention\.position\.", ".self_attn.linear_pos."),
    (r"\.attention\.content_bias", ".self_attn.pos_bias_u"),
    (r"\.attention\.position_bias", ".self_attn.pos_bias_v"),
    (r"\.expand\.", ".feed_forward.w_1."),
    (r"\.contract\.", ".feed_forward.w_2."),
)
_CONFORMER_NORMS = (
    (r"\.attention_norm\.", ".norm_mha."),
    (r"\.feed_forward_norm\.", ".norm_ff."),
)
_STAGES = {"down": "down_blocks", "middle": "mid_blocks", "up": "up_blocks"}
_NAMES: dict[str, tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]] = {
    r"text_encoder\.": _ENCODER + _CONFORMER_NORMS,
    r"encoder\.": _ENCODER + _CONFORMER_NORMS,
    r"decoder\.": (
        *_ENCODER,
        (r"\.attention_norm\.", ".norm1."),
        (r"\.feed_forward_norm\.", ".norm2."),
        (r"^decoder\.", "llm."),
    ),
    r"marks\.": ((r"^marks", "llm_embedding"),),
    r"lm_head\.": ((r"^lm_head", "llm_decoder"),),
    r"text_projection\.": ((r"^text_projection", "text_encoder_affine_layer"),),
    r"speaker_projection\.": ((r"^speaker_projection", "spk_embed_affine_layer"),),
    r"token_embedding\.": ((r"^token_embedding", "input_embedding"),),
    r"mel_projection\.": ((r"^mel_projection", "encoder_proj"),),
    r"regulator\.": ((r"^regulator", "length_regulator.model"),),
    r"unet\.": (
        (r"^unet\.", "decoder.estimator."),
        (r"\.time_in\.", ".time_mlp.linear_1."),
        (r"\.time_out\.", ".time_mlp.linear_2."),
        (r"\.(down|middle|up)\.(\d+)\.", lambda m: f".{_STAGES[m[1]]}.{m[2]}."),
        (r"\.blocks\.(\d+)\.", r".1.\1."),
        (r"\.resample\.", ".2."),
        (r"\.resnet\.", ".0."),
        (r"\.time\.", ".mlp.1."),
        (r"\.conv([12])\.", r".block\1.block.0."),
        (r"\.norm([12])\.", r".block\1.block.1."),
        (r"\.shortcut\.", ".res_conv."),
        (r"\.attention_norm\.", ".norm1."),
        (r"\.(query|key|value)\.", lambda m: f".attn1.to_{m[1][0]}."),
        (r"\.project\.", ".attn1.to_out.0."),
        (r"\.feed_forward_norm\.", ".norm3."),
        (r"\.expand\.", ".ff.net.0.proj."),
        (r"\.contract\.", ".ff.net.2."),
        (r"\.last_conv\.", ".final_block.block.0."),
        (r"\.last_norm\.", ".final_block.block.1."),
        (r"\.output\.", ".final_proj."),
    ),
    r"f0_": (
        (r"^f0_convs\.", "f0_predictor.condnet."),
        (r"^f0_output\.", "f0_predictor.classifier."),
    ),
    r"source_mix\.": ((r"^source_mix", "m_source.l_linear"),),
    r"(source_)?resblocks\.": ((r"\.alphas([12])\.(\d+)", r".activations\1.\2.alpha"),),
}


def published_names(part: str, name: str) -> list[str]:
    """Return the published name of a parameter, or those of the parameters that are stacked in it.

    With weight norm, the file has ..._g and ..._v instead.
    """
    if "query_key_value" not in name:
        return [_published_name(part, name)]
    parts = ("query", "key", "value")
    return [_published_name(part, name.replace("query_key_value", one)) for one in parts]


def _published_name(part: str, name: str) -> str:
    for start, rules in _NAMES.items():
        if re.match(start, name):
            for pattern, replacement in rules:
                name = re.sub(pattern, replacement, name)
            return name
    return name
