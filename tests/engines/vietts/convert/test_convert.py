"""Published and converted weights: names, shapes, damaged and foreign files."""

import errno
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from tests.engines.vietts.cpu.test_memory import resident_file_pages
from tests.engines.vietts.fixtures import CPU
from tests.engines.vietts.goldens import golden
from wyoming_vietts.engines.vietts import convert
from wyoming_vietts.engines.vietts.convert import (
    PREPARED_TYPES,
    load_config,
    prepare,
    published_config,
)
from wyoming_vietts.engines.vietts.convert.published_config import read_published_config
from wyoming_vietts.engines.vietts.convert.published_weights import load_published, read_published
from wyoming_vietts.engines.vietts.model import weights
from wyoming_vietts.engines.vietts.model.loading import load_networks
from wyoming_vietts.engines.vietts.networks.lm import score
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.errors import ModelError
from wyoming_vietts.steps import Steps, finish


def load(model_dir: Path) -> Networks:
    return finish(load_networks(model_dir, CPU, torch.float32, torch.float32))


def load_reduced(model_dir: Path) -> Networks:
    return finish(load_networks(model_dir, CPU, torch.int8, torch.bfloat16))


def change(model_dir: Path, part: str, changes: dict[str, torch.Tensor | None]) -> None:
    """Write a published file again with some tensors replaced, added or (None) left out."""
    path = model_dir / f"{part}.pt"
    state = {name: tensor.clone() for name, tensor in read_published(path).items()}
    for name, tensor in changes.items():
        if tensor is None:
            del state[name]
        else:
            state[name] = tensor
    torch.save(state, path)
    os.utime(path, (0, 0))  # what is unpacked or copied may be older than what was made before


@pytest.mark.parametrize("part", PREPARED_TYPES)
def test_names_are_those_of_the_published_files(model_dirs: dict[int, Path], part: str) -> None:
    names = sorted(read_published(model_dirs[25] / f"{part}.pt"))
    assert names == golden("names")[part].tolist()


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("llm", "llm.encoders.1.self_attn.linear_k.bias"),
        ("llm", "text_encoder.encoders.0.norm_mha.weight"),
        ("flow", "decoder.estimator.mid_blocks.1.1.0.ff.net.2.weight"),
        ("flow", "decoder.estimator.down_blocks.0.2.conv.bias"),
        ("hift", "resblocks.5.activations2.2.alpha"),
    ],
)
def test_missing_tensor_is_named(model_dir: Path, part: str, name: str) -> None:
    change(model_dir, part, {name: None})
    with pytest.raises(ModelError, match=rf"{part}\.pt: '{name}' is missing"):
        load(model_dir)


def test_half_of_a_weight_norm_is_missed(model_dir: Path) -> None:
    change(model_dir, "hift", {"conv_pre.weight_g": None})
    with pytest.raises(ModelError, match=r"hift\.pt: 'conv_pre\.weight' is missing"):
        load(model_dir)


def test_unknown_tensor_is_named(model_dir: Path) -> None:
    change(model_dir, "flow", {"decoder.surprise": torch.zeros(1)})
    with pytest.raises(ModelError, match=r"flow\.pt: 1 unknown tensors.*'decoder\.surprise'"):
        load(model_dir)


def test_wrong_shape_is_named_with_both_shapes(model_dir: Path) -> None:
    change(model_dir, "llm", {"llm_decoder.bias": torch.zeros(7)})
    with pytest.raises(ModelError, match=r"'llm_decoder\.bias' has the shape \[7\].*\[61\]"):
        load(model_dir)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_cut_off_file_is_refused(model_dir: Path, share: float) -> None:
    path = model_dir / "hift.pt"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelError, match=r"hift\.pt is cut off"):
        load(model_dir)


def test_foreign_file_is_refused(model_dir: Path) -> None:
    (model_dir / "flow.pt").write_text("<html>404: not found</html>")
    with pytest.raises(ModelError, match=r"flow\.pt is cut off, or not a PyTorch weights file"):
        load(model_dir)


def test_missing_file_is_named(model_dir: Path) -> None:
    (model_dir / "llm.pt").unlink()
    with pytest.raises(ModelError, match=r"llm\.pt is missing"):
        load(model_dir)


def test_file_without_tensors_is_refused(model_dir: Path) -> None:
    torch.save({"epoch": 3}, model_dir / "llm.pt")
    with pytest.raises(ModelError, match=r"llm\.pt holds"):
        load(model_dir)


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(self.mark),))


def test_code_in_a_file_is_not_run(model_dir: Path, tmp_path: Path) -> None:
    mark = tmp_path / "exploded"
    torch.save({"x": Bomb(mark)}, model_dir / "llm.pt")
    with pytest.raises(ModelError, match=r"llm\.pt"):
        load(model_dir)
    assert not mark.exists()


def test_stacked_weights_do_not_stay_in_memory_beside_their_parts(tmp_path: Path) -> None:
    names = ("query.weight", "key.weight", "value.weight")
    parts = {name: torch.randn(2048, 2048) for name in names}  # 16 MiB each
    torch.save(parts | {"other.weight": torch.randn(8, 8)}, tmp_path / "parts.pt")
    network = torch.nn.ModuleDict(
        {
            "query_key_value": torch.nn.Linear(2048, 3 * 2048, bias=False, device="meta"),
            "other": torch.nn.Linear(8, 8, bias=False, device="meta"),  # keeps the file mapped
        }
    )
    before = resident_file_pages()
    finish(load_published(network, tmp_path / "parts.pt", ""))
    assert resident_file_pages() - before <= 8
    assert torch.equal(network["query_key_value"].weight, torch.cat([*parts.values()]))


# --- prepared files -----------------------------------------------------------------------------


def states(networks: Networks) -> dict[str, torch.Tensor]:
    return {
        f"{part}.{name}": tensor.to_dense()
        for part in ("lm", "flow", "hift")
        for name, tensor in getattr(networks, part).state_dict().items()
    }


def test_prepared_model_is_the_same_without_the_published_files(model_dir: Path) -> None:
    before = states(load(model_dir))
    prepare(model_dir)
    for part in PREPARED_TYPES:
        (model_dir / f"{part}.pt").unlink()
    after = states(load(model_dir))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_replaced_published_file_is_preferred(model_dir: Path) -> None:
    prepare(model_dir)
    change(model_dir, "llm", {"llm_decoder.bias": torch.full((61,), 5.0)})
    assert float(load(model_dir).lm.lm_head.bias[0]) == 5.0


def test_cut_off_prepared_file_is_refused(model_dir: Path) -> None:
    prepare(model_dir)
    path = model_dir / "flow.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"flow\.safetensors is cut off"):
        load(model_dir)


def test_prepared_file_of_another_model_is_refused(model_dir: Path) -> None:
    prepare(model_dir)
    (model_dir / "hift.safetensors").write_bytes((model_dir / "flow.safetensors").read_bytes())
    (model_dir / "hift.pt").unlink()
    with pytest.raises(ModelError, match=r"hift\.safetensors: .*Prepare the model again"):
        load(model_dir)


# --- in other numbers than fp32 ------------------------------------------------------------------

REDUCED = ("llm-int8.safetensors", "flow-bf16.safetensors")


def assert_same(first: Networks, second: Networks) -> None:
    """The same state, and the same thoughts (packed 8-bit weights are no part of a state)."""
    before, after = states(first), states(second)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    text, speech = torch.arange(9), torch.arange(40)
    scores = (score(n.lm, text, torch.ones(192), speech) for n in (first, second))
    assert torch.equal(*scores)


def test_reduced_weights_are_computed_once(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_reduced(model_dir)
    assert {path.name for path in model_dir.glob("*.safetensors")} == {*REDUCED, "hift.safetensors"}

    def again(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(convert, "write_weights", again)
    assert_same(load_reduced(model_dir), first)


def test_reduced_weights_can_come_from_prepared_ones(model_dir: Path) -> None:
    """All that a first start would make, those in fp32 alone, or those that are needed alone."""
    wanted = load_reduced(model_dir)
    for path in (model_dir / name for name in REDUCED):
        path.unlink()
    prepare(model_dir)
    for path in model_dir.glob("*.pt"):
        path.unlink()
    assert_same(load_reduced(model_dir), wanted)
    for path in (model_dir / name for name in REDUCED):
        path.unlink()
    assert_same(load_reduced(model_dir), wanted)
    for path in (model_dir / f"{part}.safetensors" for part in ("llm", "flow")):
        path.unlink()
    assert_same(load_reduced(model_dir), wanted)


def test_weights_are_reduced_again_when_the_published_are_replaced(model_dir: Path) -> None:
    load_reduced(model_dir)
    change(model_dir, "llm", {"llm_decoder.bias": torch.full((61,), 5.0)})
    change(model_dir, "flow", {"encoder_proj.bias": torch.full((80,), 5.0)})
    reduced = load_reduced(model_dir)
    assert float(reduced.lm.lm_head.bias[0]) == 5.0
    assert float(reduced.flow.mel_projection.bias[0]) == 5.0
    assert_same(load_reduced(model_dir), reduced)


def test_copied_folder_is_not_computed_again(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_reduced(model_dir)
    for path in model_dir.glob("*.pt"):
        os.utime(path, (2**31, 2**31))  # a copy has what time the copying took
    monkeypatch.setattr(convert, "write_weights", None)
    assert_same(load_reduced(model_dir), first)


@pytest.mark.parametrize("name", REDUCED)
def test_damaged_reduced_file_is_an_error_that_names_it(model_dir: Path, name: str) -> None:
    load_reduced(model_dir)
    content = (model_dir / name).read_bytes()
    (model_dir / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=name):
        load_reduced(model_dir)


def test_file_in_other_numbers_is_refused(model_dir: Path) -> None:
    prepare(model_dir)
    (model_dir / "flow-bf16.safetensors").write_bytes((model_dir / "flow.safetensors").read_bytes())
    with pytest.raises(ModelError, match=r"is float32 \[.*should be bfloat16 \[.*Prepare"):
        load_reduced(model_dir)


def test_folder_that_cannot_be_written_costs_time_and_says_so(
    model_dir: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    names = (*REDUCED, "hift.safetensors", "config.json")
    obstacles = [model_dir / f".{name}.00000000" for name in names]
    for path in obstacles:
        path.mkdir()
    reduced = load_reduced(model_dir)
    assert caplog.text.count("so every start converts it again") == len(names)
    assert all(f"Cannot write {model_dir / name}" in caplog.text for name in names)
    assert not [path for path in model_dir.iterdir() if path.name in names]
    for path in obstacles:
        path.rmdir()
    assert_same(load_reduced(model_dir), reduced)
    assert all((model_dir / name).is_file() for name in names)


def test_full_disk_leaves_nothing_behind_and_the_next_start_tries_again(
    model_dir: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name for path in model_dir.iterdir()}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full)
        reduced = load_reduced(model_dir)
    assert {path.name for path in model_dir.iterdir()} == before | {"config.json"}
    assert caplog.text.count("No space left on device") == 3
    assert_same(load_reduced(model_dir), reduced)
    assert {path.name for path in model_dir.glob("*.safetensors")} == {*REDUCED, "hift.safetensors"}


def test_full_disk_is_an_error_of_prepare(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(OSError, match=r"No space left on device: .*llm.safetensors"):
        prepare(model_dir)
    assert not [*model_dir.glob("*.safetensors*"), *model_dir.glob(".*")]


def test_conversion_that_is_given_up_leaves_nothing_behind(model_dir: Path) -> None:
    """Wherever it is: nothing half-written is ever seen, and the next one begins again."""
    pauses = sum(1 for _ in load_networks(copy(model_dir), CPU, torch.int8, torch.bfloat16))
    for count in range(1, pauses, pauses // 20):
        folder = copy(model_dir)
        steps = load_networks(folder, CPU, torch.int8, torch.bfloat16)
        for _ in range(count):
            next(steps)
        steps.close()
        assert not [*folder.glob(".*")]
        for path in folder.glob("*.safetensors"):
            safetensors.torch.load_file(path)


def copy(model_dir: Path) -> Path:
    return Path(shutil.copytree(model_dir, model_dir.with_name(f"copy-{secrets.token_hex(4)}")))


def test_leftover_of_a_killed_conversion_is_deleted_though_another_has_ended(
    model_dir: Path,
) -> None:
    load_reduced(model_dir)
    old, new = (model_dir / f".llm-int8.safetensors.{name}" for name in ("0" * 8, "1" * 8))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    load_reduced(model_dir)
    assert not old.exists()
    assert new.exists(), "another process may be writing it"


def test_conversion_pauses_while_it_writes(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file is never written at once, which would hold up everybody else."""
    monkeypatch.setattr(weights, "_WRITTEN_AT_ONCE", 1000)
    written: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda file: written.append(os.fstat(file).st_size))
    steps, writes_at_once = load_networks(model_dir, CPU, torch.float32, torch.float32), []
    for _ in steps:
        writes_at_once.append(len(written))
        written.clear()
    size = sum(path.stat().st_size for path in model_dir.glob("*.safetensors"))
    assert sum(writes_at_once) >= size / 1000
    assert max(writes_at_once) == 1


def test_files_can_be_read_by_the_servers_user(model_dir: Path) -> None:
    for path in prepare(model_dir):
        assert path.stat().st_mode & 0o777 == 0o644


def test_reduced_weights_of_a_former_model_are_not_used(model_dir: Path) -> None:
    """Those of a GPU, when the model was replaced and converted for a CPU."""
    finish(load_networks(model_dir, CPU, torch.bfloat16, torch.float32))
    change(model_dir, "llm", {"llm_decoder.bias": torch.full((61,), 5.0)})
    prepare(model_dir)
    (model_dir / "llm.pt").unlink()
    lm = finish(load_networks(model_dir, CPU, torch.bfloat16, torch.float32)).lm
    assert float(lm.lm_head.bias[0]) == 5.0


def test_published_weights_may_be_in_half_precision(model_dir: Path) -> None:
    state = read_published(model_dir / "flow.pt")
    change(model_dir, "flow", {name: tensor.half() for name, tensor in state.items()})
    assert {parameter.dtype for parameter in load(model_dir).flow.parameters()} == {torch.float32}


def test_tensor_that_only_looks_large_takes_no_memory(model_dir: Path) -> None:
    """A view of stride 0 is a few bytes in the file, and would be many once it is folded."""
    state = torch.load(model_dir / "hift.pt", weights_only=True)
    name = next(name for name in state if name.endswith("_v"))
    state[name] = torch.zeros(1).expand(60_000, 60_000)
    torch.save(state, model_dir / "hift.pt")
    with pytest.raises(ModelError, match=r"has the shape \[60000, 60000\]; according to"):
        load(model_dir)


def test_pytorchs_advice_to_switch_its_safety_off_is_not_repeated(model_dir: Path) -> None:
    torch.save({"a": print}, model_dir / "llm.pt")
    with pytest.raises(ModelError, match="it holds more than tensors") as refused:
        load(model_dir)
    assert "weights_only" not in str(refused.value)


# --- config.json ---------------------------------------------------------------------------------


def test_configuration_is_converted_once_and_again_when_the_published_one_is_replaced(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = read_published_config(model_dir / "config.yaml")
    assert load_config(model_dir) == wanted
    written = (model_dir / "config.json").read_bytes()
    os.utime(model_dir / "config.yaml", (2**31, 2**31))  # a copy has what time the copying took
    assert load_config(model_dir) == wanted
    assert (model_dir / "config.json").read_bytes() == written
    text = (model_dir / "config.yaml").read_text()
    (model_dir / "config.yaml").write_text(text.replace("top_k: 25", "top_k: 24"))
    assert load_config(model_dir).lm.sampling.top_k == 24
    (model_dir / "config.yaml").unlink()
    assert load_config(model_dir).lm.sampling.top_k == 24


def test_converted_model_is_served_without_reading_a_published_file(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_reduced(model_dir)
    monkeypatch.setattr(torch, "load", None)
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(sys.modules, published_config.__name__)
    assert_same(load_reduced(model_dir), before)


def test_published_file_that_is_no_file_is_refused_at_once(model_dir: Path) -> None:
    (model_dir / "llm.pt").unlink()
    os.mkfifo(model_dir / "llm.pt")
    with pytest.raises(ModelError, match=r"llm\.pt is not a regular file"):
        load(model_dir)


def test_published_file_that_is_replaced_while_it_is_prepared_is_not_deleted(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = convert.write_weights

    def replace_and_write(*arguments: Any) -> Steps[None]:
        change(model_dir, "llm", {"llm_decoder.bias": torch.full((61,), 5.0)})
        yield from write(*arguments)

    monkeypatch.setattr(convert, "write_weights", replace_and_write)
    with pytest.raises(ModelError, match="has just been replaced; prepare again"):
        prepare(model_dir, delete_published=True)
    assert (model_dir / "llm.pt").is_file()
    assert (model_dir / "hift.pt").is_file()
    assert (model_dir / "config.yaml").is_file()


def test_preparing_again_keeps_what_the_user_has_changed_in_the_configuration(
    model_dir: Path,
) -> None:
    load_config(model_dir)
    path = model_dir / "config.json"
    path.write_text(path.read_text().replace('"solver_times": []', '"solver_times": [0, 0.5, 1]'))
    for _ in range(2):
        prepare(model_dir, delete_published=True)
        assert load_config(model_dir).flow.solver_times == (0, 0.5, 1)
