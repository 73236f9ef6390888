"""Lists the voices that a server would offer."""

import argparse

from ..engines.catalogue import make_catalogue
from ..engines.contract import EngineSettings


def run(options: argparse.Namespace) -> None:
    """Print a line for each voice: name, languages, description."""
    catalogue = make_catalogue(options.engine, EngineSettings.of(options))
    for voice in catalogue.voices.values():
        print(f"{voice.name}\t{', '.join(voice.languages)}\t{voice.description}")
