"""The table of downloads: one entry for each model and voice."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class HubFile:
    """A file of a repository on the hub."""

    path: str
    """In the repository; on this machine only its name is kept."""
    size: int | None = None
    """Bytes; None for the size that the hub states."""
    sha256: str | None = None
    """None for the hash that the hub states."""
    converted: str | None = None
    """The file that is made of it, after which it may be deleted."""

    @property
    def name(self) -> str:
        """Its name on this machine."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True)
class Download:
    """Files of one repository that belong together."""

    description: str
    label: str
    """Description in Vietnamese, such as Home Assistant shows for a voice."""
    megabytes: int
    licence: str
    repository: str
    revision: str
    files: tuple[HubFile, ...]
    """The last one makes it complete."""
    converted: tuple[str, ...] = ()
    """The files that these are converted to, and replaced by, before anything is in place."""

    def is_in(self, folder: Path) -> bool:
        """Whether a folder has every file, or what it has been converted to, with any content."""
        if self.converted:
            return all(os.path.isfile(folder / name) for name in self.converted)
        return all(
            os.path.isfile(folder / file.name)
            or (file.converted is not None and os.path.isfile(folder / file.converted))
            for file in self.files
        )


VIETTS = "vietts"
NATURAL_VOICE = "vi_VN-vais1000-medium"
SMALL_VOICE = "vi_VN-vais1000-tiny"

DOWNLOADS: Mapping[str, Download] = {
    NATURAL_VOICE: Download(
        description="a natural voice for small machines: a woman from the north (Piper)",
        label="Giọng nữ miền Bắc, tự nhiên",
        megabytes=63,
        licence="data CC BY 4.0 (VAIS-1000); fine-tuned from an English voice whose corpus "
        "restricts commercial speech, so commercial use is unclear",
        repository="rhasspy/piper-voices",
        revision="v1.0.0",
        files=(
            HubFile(
                "vi/vi_VN/vais1000/medium/vi_VN-vais1000-medium.onnx.json",
                size=4860,
                sha256="fafb9da1354ed4b77c31af228ed41fb41cd825c14cffa105454b25e6ae751ee0",
            ),
            HubFile(
                "vi/vi_VN/vais1000/medium/vi_VN-vais1000-medium.onnx",
                size=63_201_294,
                sha256="ec7c89e2c85f4d1edc24b6120c18aaf1bda614f06b511567eb9c7c0de15e2dab",
            ),
        ),
    ),
    SMALL_VOICE: Download(
        description="the same voice for the smallest machines: far faster, less clear (sanoTTS)",
        label="Giọng nữ miền Bắc, nhỏ gọn",
        megabytes=3,
        licence="weights GPL-3.0; data CC BY 4.0 (VAIS-1000); distilled from a Piper voice, which "
        "was fine-tuned from an English voice whose corpus restricts commercial speech, so "
        "commercial use is unclear",
        repository="ampixa/sanoTTS",
        revision="main",
        files=(
            HubFile("vi-vais1000-1p46m/manifest.json"),
            HubFile("vi-vais1000-1p46m/piper-phoneme-config.json"),
            HubFile("vi-vais1000-1p46m/weights.fp16.bin"),
        ),
        converted=(f"{SMALL_VOICE}.onnx.json", f"{SMALL_VOICE}.onnx"),
    ),
    VIETTS: Download(
        description="the neural model, which clones voices (needs PyTorch)",
        label="Mô hình nhân bản giọng nói",
        megabytes=2306,
        licence="CC BY-NC 4.0: not for commercial use",
        repository="dangvansam/viet-tts",
        revision="main",
        files=(
            HubFile("llm.pt", converted="llm.safetensors"),
            HubFile("flow.pt", converted="flow.safetensors"),
            HubFile("hift.pt", converted="hift.safetensors"),
            HubFile("speech_tokenizer.onnx"),
            HubFile("speech_embedding.onnx"),
            HubFile("config.yaml", converted="config.json"),
        ),
    ),
}
"""By the name that the command line and the page use."""


def folder_of(name: str, piper_dir: Path, model_dir: Path) -> Path:
    """Where a download belongs."""
    return model_dir if name == VIETTS else piper_dir
