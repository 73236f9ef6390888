"""Compute now, and store, what a first start would compute from a model's weights."""

import argparse

from ..engines.catalogue import neural_packages


def run(options: argparse.Namespace) -> None:
    """Write the files beside the model's own, and print their names and sizes."""
    with neural_packages():
        from ..engines.vietts.convert import prepare
    for path in prepare(options.model_dir):
        print(f"{path}  {path.stat().st_size / 1e6:.0f} MB")
