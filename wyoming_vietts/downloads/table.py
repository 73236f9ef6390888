"""The table of downloads: one entry for each model and voice."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Self


@dataclass(frozen=True)
class HubFile:
    """A file of a repository on the hub."""

    path: str
    """In the repository; on this machine, only its name counts."""
    size: int | None = None
    """Bytes; None for the size that the hub states."""
    sha256: str | None = None
    """None for the hash that the hub states."""
    url: str = ""
    """Where it is, if it is not in the repository; size and hash must be known then."""
    converted: str | None = None
    """The file that is made from it; then it may be deleted."""

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name


@dataclass(frozen=True)
class Download:
    """Files of one repository that belong together."""

    engine: str
    """Which speaks with it; one of `ENGINES`."""
    description: str
    label: str
    """Description of a voice in Vietnamese, for Home Assistant."""
    megabytes: int
    licence: str
    repository: str
    revision: str
    files: tuple[HubFile, ...]
    """The last one completes it."""
    converted: tuple[str, ...] = ()
    """The files that these are converted to, and replaced by, before anything is in place."""

    def is_in(self, folder: Path) -> bool:
        """Return whether a folder has every file, or its converted form, of any content."""
        if self.converted:
            return all(os.path.isfile(folder / name) for name in self.converted)
        return all(
            os.path.isfile(folder / file.name)
            or (file.converted is not None and os.path.isfile(folder / file.converted))
            for file in self.files
        )


VIETTS, VIENEU, VIENEU_CLONING = "vietts", "vieneu", "vieneu-cloning"
NATURAL_VOICE = "vi_VN-vais1000-medium"
SMALL_VOICE = "vi_VN-vais1000-tiny"

DOWNLOADS: Mapping[str, Download] = {
    NATURAL_VOICE: Download(
        engine="piper",
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
        engine="piper",
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
    VIENEU: Download(
        engine="vieneu",
        description="eleven voices of the north and the south, for a mini-PC (VieNeu-TTS v3 Nano)",
        label="Mười một giọng hai miền (VieNeu)",
        megabytes=285,
        licence="Apache-2.0; nothing tells who the eleven speakers are, or whether they agreed, "
        "and a data set of the same author is CC BY-NC 4.0",
        repository="pnnbao-ump/VieNeu-TTS-v3-Nano",
        revision="aba295eb96a6fa6003ebe417cc1f2802a7adc1dc",
        files=(
            HubFile(
                "config.json",
                size=2927,
                sha256="3762f1716fd8d7a1451ddf2e051c03b0a341e8adda4f1dbd0db0ae9777514e56",
            ),
            HubFile(
                "constants.npz",
                size=53_448,
                sha256="7c011938effe41687a9af85107a31a040dfcf0fb3d0f048ec10f4fb65c1a8829",
            ),
            HubFile(
                "text_encoder.onnx",
                size=26_519_943,
                sha256="204f02cccae1f16ccb2d3840f05721a37fe250b82cbd456337a0ccb49615e4bf",
            ),
            HubFile(
                "duration_predictor.onnx",
                size=727_809,
                sha256="20fd7fa60006d0a48ee82e0451b3f920d2052588c083c756cce669f3947c0a68",
            ),
            HubFile(
                "vector_estimator.onnx",
                size=155_132_418,
                sha256="c6c1d4398ca35d3ad1bd3f0459413d1b975d09e7f2f3a2b4493a7b92bbf6ce93",
            ),
            HubFile(
                "codec_decoder.onnx",
                size=99_319_941,
                sha256="b0ab15e7828a39d53679e25b1ba4ba415a61311307202a6323130b9e1cc3029d",
            ),
            HubFile(
                "voices_v3_nano.json",
                size=2_316_799,
                sha256="2ca4cbf475409e61fda662fbd3fb3a3ac3e980bbc3925fedb4d1199c4ccac3e7",
                url="https://raw.githubusercontent.com/pnnbao97/VieNeu-TTS/"
                "3206ed960e317e69bfe09f9d553aecbf1090f32e/src/vieneu/assets/voices_v3_nano.json",
            ),
        ),
    ),
    VIENEU_CLONING: Download(
        engine="vieneu",
        description="for VieNeu: makes voices of recordings, without PyTorch",
        label="Nhân bản giọng nói (VieNeu)",
        megabytes=96,
        licence="Apache-2.0",
        repository="pnnbao-ump/VieNeu-TTS-v3-Nano",
        revision="aba295eb96a6fa6003ebe417cc1f2802a7adc1dc",
        files=(
            HubFile(
                "speaker_encoder.onnx",
                size=28_303_423,
                sha256="a6ac6a63997761ae2997373e2ee1c47040854b4b759ea41ec48e4e42df0f4d73",
            ),
            HubFile("codec_encoder.onnx", size=56_419_417),
            HubFile("reference_encoder.onnx", size=10_778_145),
        ),
    ),
    VIETTS: Download(
        engine="vietts",
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


PIPER_VOICES = [name for name, entry in DOWNLOADS.items() if entry.engine == "piper"]


@dataclass(frozen=True)
class ModelFolders:
    """Where the files of the engines are."""

    piper_dir: Path
    vieneu_dir: Path
    model_dir: Path

    @classmethod
    def of(cls, options: object) -> Self:
        """Take the options of these names."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})

    def folder_of(self, name: str) -> Path:
        """Return the folder where a download belongs."""
        folders = {"piper": self.piper_dir, "vieneu": self.vieneu_dir, "vietts": self.model_dir}
        return folders[DOWNLOADS[name].engine]
