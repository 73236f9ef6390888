"""Settings of the engines, from flags."""

import argparse

from ..downloads.table import ModelFolders
from ..engines.catalogue import EngineSettings


def model_folders(options: argparse.Namespace) -> ModelFolders:
    """Collect the flags that say where models are."""
    return ModelFolders(options.piper_dir, options.vieneu_dir, options.model_dir)


def engine_settings(options: argparse.Namespace) -> EngineSettings:
    return EngineSettings(
        model_dir=options.model_dir,
        voices_dir=options.voices_dir,
        piper_dir=options.piper_dir,
        vieneu_dir=options.vieneu_dir,
        device=options.device,
        threads=options.threads,
        quality=options.quality,
        streams_sentences=not options.no_streaming,
        seed=options.seed,
        unload_after_minutes=options.unload_after,
    )
