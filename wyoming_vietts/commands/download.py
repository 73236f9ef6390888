"""Download the neural model from the Hugging Face hub."""

import argparse

from ..engines.catalogue import neural_packages


def run(options: argparse.Namespace) -> None:
    """Fetch what is missing or has changed."""
    with neural_packages():
        from ..engines.vietts.model.download import download_model
    download_model(options.model_dir)
