"""Settings of the engines, from flags."""

import argparse

from ..engines.catalogue import EngineSettings


def engine_settings(options: argparse.Namespace) -> EngineSettings:
    """Collect the flags that concern the engines."""
    return EngineSettings(
        model_dir=options.model_dir,
        voices_dir=options.voices_dir,
        piper_dir=options.piper_dir,
        device=options.device,
        threads=options.threads,
        quality=options.quality,
        streams_sentences=not options.no_streaming,
        seed=options.seed,
        unload_after_minutes=options.unload_after,
    )
