"""Downloads the published model from the Hugging Face hub."""

import logging
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

_LOGGER = logging.getLogger(__name__)

REPOSITORY = "dangvansam/viet-tts"
FILES = (
    "llm.pt",
    "flow.pt",
    "hift.pt",
    "speech_tokenizer.onnx",
    "speech_embedding.onnx",
    "config.yaml",  # last: once it is there, the model is complete
)


def download_model(model_dir: Path) -> None:
    """Fetch what is missing or has changed.

    Raises:
        OSError: a file cannot be fetched or written; the message says which.
    """
    logging.getLogger("huggingface_hub").handlers.clear()  # the root logger prints its lines, too
    for name in FILES:
        try:
            hf_hub_download(REPOSITORY, name, local_dir=model_dir)
        except (OSError, HTTPError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise OSError(f"Cannot download {name} of {REPOSITORY}: {reason}") from error
        _LOGGER.info("%s is there", model_dir / name)
