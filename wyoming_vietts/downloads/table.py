"""What can be downloaded: one entry for each model and voice."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import hub
from .hub import HubFile


@dataclass(frozen=True)
class Download:
    """Files of one repository on the hub that belong together."""

    description: str
    megabytes: int
    licence: str
    repository: str
    revision: str
    files: tuple[HubFile, ...]
    """The last one makes it complete."""

    def is_in(self, folder: Path) -> bool:
        """Every file is in a folder; what is in the files is not looked at."""
        return all(os.path.isfile(folder / file.name) for file in self.files)

    def fetch(self, folder: Path) -> bool:
        """Fetch what is missing or different; see `hub.fetch`."""
        return hub.fetch(self.repository, self.revision, self.files, folder)


VIETTS = "vietts"
NATURAL_VOICE = "vi_VN-vais1000-medium"

DOWNLOADS: Mapping[str, Download] = {
    NATURAL_VOICE: Download(
        description="a natural voice for small machines (Piper)",
        megabytes=63,
        licence="data CC BY 4.0 (VAIS-1000); fine-tuned from an English voice whose corpus "
        "restricts commercial speech, so commercial use is unclear",
        repository="rhasspy/piper-voices",
        revision="v1.0.0",
        files=(
            HubFile(
                "vi/vi_VN/vais1000/medium/vi_VN-vais1000-medium.onnx.json",
                size=4860,
                md5="5ec9669253541d64ba97f60e422f1ad0",
            ),
            HubFile(
                "vi/vi_VN/vais1000/medium/vi_VN-vais1000-medium.onnx",
                size=63_201_294,
                md5="5e42428c4f6131f75557cf156c9c1526",
            ),
        ),
    ),
    VIETTS: Download(
        description="the neural model, which clones voices (needs PyTorch)",
        megabytes=2306,
        licence="CC BY-NC 4.0: not for commercial use",
        repository="dangvansam/viet-tts",
        revision="main",
        files=tuple(
            map(
                HubFile,
                (
                    "llm.pt",
                    "flow.pt",
                    "hift.pt",
                    "speech_tokenizer.onnx",
                    "speech_embedding.onnx",
                    "config.yaml",
                ),
            )
        ),
    ),
}
"""By name, as the command line has it."""


def folder_of(name: str, piper_dir: Path, model_dir: Path) -> Path:
    """Where a download belongs."""
    return model_dir if name == VIETTS else piper_dir
