"""Downloads a voice or a model from the Hugging Face hub, or lists them."""

import argparse
import logging
from functools import partial
from pathlib import Path

from ..downloads.table import DOWNLOADS, VIETTS, ModelFolders
from .language import translated

_LOGGER = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> None:
    """Fetch missing and different files; without a name, list the downloads."""
    if options.name is not None:
        download(options.name, options)
        if options.name == VIETTS:
            _convert(options.model_dir)
        return
    for name, entry in DOWNLOADS.items():
        there = " (is there)" if entry.is_in(ModelFolders.of(options).folder_of(name)) else ""
        print(
            f"{name}\t{entry.megabytes} MB\t{entry.description}{there}\n\tlicence: {entry.licence}"
        )


def download(name: str, options: argparse.Namespace) -> None:
    """Fetch missing and different files.

    Raises:
        SetupError, OSError: it cannot be fetched.
    """
    from ..downloads.fetch import fetch  # which would take 15 ms of every start

    folder, entry = ModelFolders.of(options).folder_of(name), DOWNLOADS[name]
    convert = None
    if entry.converted:
        from ..engines.piper.convert import convert_sano

        convert = partial(convert_sano, name)
    is_new = fetch(entry, folder, convert)
    if is_new:
        _LOGGER.info(translated("Downloaded: '{name}' in {folder}", name=name, folder=folder))
    else:
        _LOGGER.info("Already there: '%s' in %s", name, folder)
    _LOGGER.info("Licence of '%s': %s", name, entry.licence)


def _convert(model_dir: Path) -> None:
    """Convert the neural model as the first start would, if its packages are installed."""
    try:
        from ..engines.vietts.convert import convert_for_this_machine
    except ModuleNotFoundError:
        return
    convert_for_this_machine(model_dir)
