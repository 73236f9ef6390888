"""Turns flags into the settings of the engines."""

import argparse

from ..engines.catalogue import EngineSettings
from ..settings.command_line import DEFAULT_PIPER_DIR


def engine_settings(options: argparse.Namespace) -> EngineSettings:
    """Collect the flags that concern the engines."""
    return EngineSettings(
        model_dir=options.model_dir,
        voices_dir=options.voices_dir,
        piper_dir=getattr(options, "piper_dir", DEFAULT_PIPER_DIR),
        device=options.device,
        threads=options.threads,
        quality=options.quality,
        streams_sentences=not getattr(options, "no_streaming", False),
        seed=options.seed,
        unload_after_minutes=getattr(options, "unload_after", None),
    )
