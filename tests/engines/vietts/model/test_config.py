"""config.json is read strictly: known keys, and values that can be run."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wyoming_vietts.engines.vietts.convert import load_config
from wyoming_vietts.engines.vietts.model.config import read_config
from wyoming_vietts.engines.vietts.networks.config import ModelConfig
from wyoming_vietts.errors import ModelError


def changed(model_dir: Path, change: Callable[[dict[str, Any]], object]) -> ModelConfig:
    """Read a configuration of which one thing has been changed."""
    load_config(model_dir)
    path = model_dir / "config.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    return read_config(model_dir)


def test_what_is_written_is_what_is_read(model_dir: Path) -> None:
    assert changed(model_dir, lambda _: None) == load_config(model_dir)


def test_it_need_not_say_what_it_was_made_from(model_dir: Path) -> None:
    config = load_config(model_dir)
    assert changed(model_dir, lambda v: v.pop("source")) == config
    (model_dir / "config.yaml").unlink()
    assert load_config(model_dir) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.update(surprise=1), "Unknown key 'surprise'; known: lm, flow, hift"),
        (
            lambda v: v["flow"].update(guidanse=v["flow"].pop("guidance")),
            r"Unknown key 'flow\.guidanse'; did you mean guidance\?",
        ),
        (
            lambda v: v["flow"].update(solver_time=v["flow"].pop("solver_times")),
            r"Unknown key 'flow\.solver_time'; did you mean solver_times\?",
        ),
        (lambda v: v["lm"].pop("speaker_size"), r"Key 'lm\.speaker_size' is missing"),
        (lambda v: v.pop("hift"), "Key 'hift' is missing"),
        (lambda v: v.update(lm=3), "key 'lm' must be an object of keys, not 3"),
        (lambda v: v["lm"].update(speech_vocabulary="60"), r"'lm\.speech_vocabulary' is '60'; it"),
        (lambda v: v["lm"].update(speech_vocabulary=True), r"'lm\.speech_vocabulary' is True; it"),
        (
            lambda v: v["lm"].update(text_vocabulary=10**12),
            "is 10000000.*; it must be .* from 1 to 1000000",
        ),
        (
            lambda v: v["lm"]["decoder"].update(layers=201),
            r"lm\.decoder\.layers' is 201; .* 1 to 200",
        ),
        (
            lambda v: v["lm"]["decoder"].update(heads=1025),
            "heads' is 1025; it must be .* 1 to 1024",
        ),
        (lambda v: v["lm"]["decoder"].update(size=-4), r"size' is -4; it must be .* 16384"),
        (lambda v: v["flow"]["unet"].update(blocks=101), r"unet\.blocks' is 101; .* 1 to 100"),
        (lambda v: v["lm"]["decoder"].update(causal=1), "causal' is 1; it must be true or false"),
        (
            lambda v: v["lm"]["decoder"].update(activation="gelu"),
            "activation' is 'gelu'; it must be one of silu, relu",
        ),
        (
            lambda v: v["lm"]["decoder"].update(activation=[]),
            "activation' is \\[\\]; it must be one of silu, relu",
        ),
        (lambda v: v["lm"]["sampling"].update(top_p=0), "top_p' is 0; it must be a number above 0"),
        (
            lambda v: v["hift"].update(leaky_slope=float("inf")),
            "leaky_slope' is inf; it must be a number",
        ),
        (
            lambda v: v["hift"].update(upsample_rates=[8, -8]),
            "upsample_rates' is .*; it must be a list",
        ),
        (lambda v: v["hift"].update(dilations=[[1], 3]), "dilations' is .*; it must be .* lists"),
        (lambda v: v["flow"].update(solver_times=[0, 0.5]), "solver_times' is .*increasing"),
        (lambda v: v["flow"].update(solver_times=[0, 0.5, 0.5, 1]), "increasing"),
        (lambda v: v["flow"].update(solver_times=[0.1, 1]), "increasing numbers from 0 to 1"),
        (lambda v: v["flow"].update(solver_times=4), "solver_times' is .*; it must be"),
        (lambda v: v["flow"].update(solver_times=[0, "a", 1]), "solver_times' is .*; it must be"),
    ],
)
def test_wrong_key_is_named(
    model_dir: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(ModelError, match=rf"config\.json: .*{message}"):
        changed(model_dir, change)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"config\.json cannot be read"),
        ("[]", r"config\.json is not a JSON object"),
        ("[" * 100_000, r"config\.json cannot be read"),
        (b"\xff\xfe\x00", r"config\.json cannot be read"),
        (" " * 2_000_000, r"config\.json has 2\.0 MB; at most 1 MB"),
    ],
)
def test_what_is_not_a_config_is_refused(model_dir: Path, text: str | bytes, message: str) -> None:
    (model_dir / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError, match=message):
        load_config(model_dir)


def test_pipe_in_place_of_a_config_does_not_hang(model_dir: Path) -> None:
    os.mkfifo(model_dir / "config.json")
    (model_dir / "config.yaml").unlink()
    with pytest.raises(ModelError, match=r"config\.yaml is missing"):
        load_config(model_dir)
