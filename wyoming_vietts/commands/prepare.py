"""Converts a published model into all files that a start may need."""

import argparse

from ..engines.catalogue import neural_packages


def run(options: argparse.Namespace) -> None:
    """Write the files, and print their names and sizes."""
    with neural_packages():
        from ..engines.vietts.convert import prepare
    for path in prepare(options.model_dir, options.delete_published):
        print(f"{path}  {path.stat().st_size / 1e6:.3g} MB")
