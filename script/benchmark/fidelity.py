"""Measures what each quality of the neural engine changes."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from measure import Table
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from vietts import flow_inputs, forced_tokens, load

from wyoming_vietts.engines.vietts.networks.flow import generate_mel, solver_schedule
from wyoming_vietts.engines.vietts.networks.lm import score
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.engines.vietts.quality import QUALITIES
from wyoming_vietts.steps import finish

# Empirically pruned step sampling (arXiv 2505.19931); a model states such times in its config.json.
EPSS_TIMES = tuple(1 - math.cos(math.pi / 2 * n / 32) for n in (0, 2, 4, 8, 16, 32))
OUTLIERS, OUTLIER_GAIN = 4, 20.0
"""Channels of a norm that are much louder than the others, as training makes them."""


@torch.inference_mode()
def fidelity(table: Table, options: argparse.Namespace) -> None:
    """Compare the LM with fp32, teacher-forced, and the mel with that of 10 exact steps."""
    networks = {name: load(options, name) for name in QUALITIES}
    exact, balanced = networks["exact"], networks["balanced"]
    compare_lms(table, exact, balanced)
    wanted = some_mels(exact, "exact")
    for name in QUALITIES:
        compare_mels(table, name, wanted, some_mels(networks[name], name))
    compare_mels(table, "balanced in fp32", wanted, some_mels(exact, "balanced"))
    balanced.flow.config = replace(balanced.flow.config, solver_times=EPSS_TIMES)
    got = some_mels(balanced, "balanced")
    compare_mels(table, "balanced with the times of EPSS", wanted, got)
    with TemporaryDirectory(dir=options.model_dir.parent) as folder:
        model_dir = write_outliers(options.model_dir, Path(folder))
        of_outliers = argparse.Namespace(**vars(options) | {"model_dir": model_dir})
        exact, balanced = (load(of_outliers, name) for name in ("exact", "balanced"))
    wanted, got = some_mels(exact, "exact"), some_mels(balanced, "balanced")
    compare_mels(table, "balanced, weights with outliers", wanted, got)
    got = some_mels(exact, "balanced")
    compare_mels(table, "balanced in fp32, weights with outliers", wanted, got)


def compare_lms(table: Table, exact: Networks, int8: Networks) -> None:
    for seed in range(3):
        random = torch.Generator().manual_seed(seed)
        text = torch.randint(0, exact.config.lm.text_vocabulary, (16,), generator=random)
        speaker = torch.randn(192, generator=random)
        speech = torch.tensor(list(forced_tokens(exact.lm, text, speaker, 60, random)))
        wanted, got = (score(n.lm, text, speaker, speech) for n in (exact, int8))
        kl = (wanted.exp() * (wanted - got)).sum(dim=1).mean()
        agreement = (wanted.argmax(dim=1) == got.argmax(dim=1)).float().mean()
        table.add(f"int8 LM, seed {seed}: KL divergence", [float(kl)], "")
        table.add(f"int8 LM, seed {seed}: likeliest token agrees", [100 * float(agreement)], "%")


def compare_mels(table: Table, what: str, wanted: Sequence[Tensor], got: Sequence[Tensor]) -> None:
    errors = [float((w - g).abs().mean() / w.std()) for w, g in zip(wanted, got, strict=True)]
    table.add(f"flow, {what}: mel error against exact, in standard deviations", errors, "")


def some_mels(networks: Networks, name: str) -> list[Tensor]:
    """Compute three mels [80, T] in a quality."""
    quality, mels = QUALITIES[name], []
    for seed in range(3):
        random = torch.Generator().manual_seed(seed)
        voice, speech = flow_inputs(networks, 50, 2.0, random)
        noise = torch.randn(80, 2000, generator=random)
        schedule = solver_schedule(networks.flow, quality.solver_steps, quality.guidance_every)
        mels.append(finish(generate_mel(networks.flow, speech, voice, noise, schedule)))
    return mels


def write_outliers(model_dir: Path, folder: Path) -> Path:
    """Write a converted model whose norms in the flow's U-Net have outliers among their gains."""
    random = torch.Generator().manual_seed(0)
    with safe_open(model_dir / "flow.safetensors", "pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    for name, weight in weights.items():
        if name.startswith("unet.") and name.endswith(
            ("attention_norm.weight", "feed_forward_norm.weight")
        ):
            weight[torch.randperm(len(weight), generator=random)[:OUTLIERS]] *= OUTLIER_GAIN
    save_file(weights, folder / "flow.safetensors", metadata)
    for path in model_dir.iterdir():
        if path.name == "config.json" or (
            path.name.startswith(("llm", "hift")) and path.suffix != ".pt"
        ):
            (folder / path.name).symlink_to(path.resolve())
    return folder
