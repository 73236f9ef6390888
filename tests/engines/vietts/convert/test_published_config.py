"""config.yaml is data: known keys, known values, no code."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.vietts.tiny_model import New, config, write_config
from wyoming_vietts.engines.vietts.convert.hyperpyyaml import ModelError
from wyoming_vietts.engines.vietts.convert.published_config import read_published_config


def read(path: Path, change: Callable[[dict], object] = lambda tree: None) -> object:
    tree = config()
    change(tree)
    write_config(path / "config.yaml", tree)
    return read_published_config(path / "config.yaml")


def test_dimensions_come_from_the_file(tmp_path: Path) -> None:
    read(tmp_path)
    loaded = read_published_config(tmp_path / "config.yaml")
    assert loaded.lm.text_encoder.size == 20
    assert loaded.lm.text_encoder.causal
    assert not loaded.flow.encoder.causal
    assert loaded.lm.decoder.activation == "relu"
    assert loaded.flow.token_rate == 25
    assert loaded.hift.dilations == ((1, 3, 5), (1, 3, 5), (1, 3, 5))


def test_reference_to_a_top_level_value_is_resolved(tmp_path: Path) -> None:
    read(tmp_path)
    assert "!ref <sample_rate>" in (tmp_path / "config.yaml").read_text().replace("'", "")
    assert read_published_config(tmp_path / "config.yaml").hift.sample_rate == 22050


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["llm"].pop("text_token_size"), r"llm\.text_token_size is missing"),
        (lambda t: t["hift"].pop("f0_predictor"), r"hift\.f0_predictor is missing"),
        (lambda t: t.pop("flow"), "flow is missing"),
        (lambda t: t["flow"].update(surprise=1), r"flow\.surprise is unknown"),
        (
            lambda t: t["flow"]["decoder"]["estimator"].update(heads=2),
            r"flow\.decoder\.estimator\.heads is unknown",
        ),
        (lambda t: t["llm"].update(speech_token_size="60"), r"llm\.speech_token_size should be"),
        (lambda t: t["llm"].update(speech_token_size=True), r"llm\.speech_token_size should be"),
        (lambda t: t["llm"].update(speech_token_size=-1), r"llm\.speech_token_size should be"),
        (lambda t: t["hift"].update(upsample_rates=8), r"hift\.upsample_rates should be a list"),
        (
            lambda t: t["llm"]["text_encoder"].update(macaron_style=True),
            r"llm\.text_encoder\.macaron_style is True; only False",
        ),
        (
            lambda t: t["llm"]["llm"].update(pos_enc_layer_type="abs_pos"),
            r"llm\.llm\.pos_enc_layer_type is 'abs_pos'; only 'rel_pos_espnet'",
        ),
        (
            lambda t: t["flow"]["decoder"]["estimator"].update(act_fn="snake"),
            r"flow\.decoder\.estimator\.act_fn is 'snake'",
        ),
        (
            lambda t: t.update(hift=New("other.Vocoder", **t["hift"])),
            "hift should be a section !new:HiFTGenerator, not 'Vocoder'",
        ),
        (lambda t: t.update(llm=3), "llm should be a section"),
        (
            lambda t: t["llm"]["sampling"].update(top_p=0),
            r"top_p should be a number above 0, not 0",
        ),
        (lambda t: t["llm"]["llm"].update(num_blocks=100_000), "num_blocks should be .* 1 to 200"),
        (lambda t: t["llm"]["llm"].update(output_size=-4), r"output_size should be .*, not -4"),
        (lambda t: t["llm"].update(text_token_size=10**12), "text_token_size should be"),
        (lambda t: t["hift"].update(upsample_rates=[8, -8]), "upsample_rates should be a list"),
        (lambda t: t["hift"].update(lrelu_slope=float("inf")), "lrelu_slope should be a number"),
    ],
)
def test_wrong_key_is_named(tmp_path: Path, change: Callable[[dict], object], message: str) -> None:
    with pytest.raises(ModelError, match=rf"config\.yaml: .*{message}"):
        read(tmp_path, change)


def test_a_tag_never_runs_anything(tmp_path: Path) -> None:
    """Whatever class a tag names: the file is data."""
    mark = tmp_path / "ran"
    read(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(
        path.read_text()
        + f"seed: !apply:pathlib.Path.touch [{mark}]\n"
        + f"other: !!python/object/apply:os.system ['touch {mark}']\n"
    )
    read_published_config(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("llm: [", "config.yaml"),
        ("- 1\n", "not a mapping"),
        ("llm: !!python/name:os.system\n", "llm should be|tag"),
        ("llm: !apply:os.system [ls]\n", "tag !apply:os.system is not known"),
        ("llm: !ref <nothing>\n", "names no top-level value"),
        ("a: &a {x: 1}\nllm: *a\n", "aliases"),
        ("llm: {a: 1, a: 2}\n", "a is given twice"),
        (b"\xff\xfe\x00", "config.yaml"),
        ("? [a, b]\n: 1\n", "a key must be a word"),
        ("llm: {? {a: 1} : 2}\n", "a key must be a word"),
        ("a: " + "[" * 5000, "config.yaml"),
        ("#" * 2_000_000, r"config\.yaml has 2\.0 MB; at most 1 MB"),
    ],
)
def test_what_is_not_a_config_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError, match=message):
        read_published_config(path)


def test_training_sections_are_left_alone(tmp_path: Path) -> None:
    read(tmp_path, lambda tree: tree.update(train_conf={"optim": "adam"}))


def test_pipe_in_place_of_a_config_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")
    with pytest.raises(ModelError, match="is not a regular file"):
        read_published_config(tmp_path / "config.yaml")


def test_missing_config_says_how_to_get_the_model(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=f"script/run download vietts --model-dir {tmp_path} fetches"
    ):
        read_published_config(tmp_path / "config.yaml")
