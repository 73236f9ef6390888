"""Write what a first start would compute of a model's weights, so that it need not."""

import argparse

from ..engines.catalogue import neural_packages


def run(options: argparse.Namespace) -> None:
    """Write the files beside the model's own, and print their names and sizes."""
    with neural_packages():
        from ..engines.vietts.model.loading import prepare
    for path in prepare(options.model_dir):
        print(f"{path}  {path.stat().st_size / 1e6:.0f} MB")
