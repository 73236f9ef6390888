"""A model's own config.json: the fields of `ModelConfig`, read strictly."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from ....errors import ModelError
from ....files import read_bytes, replace_file
from ..networks.config import POSITIVE, ModelConfig
from .section import Section

CONFIG = "config.json"
_SOURCE = "source"
_MAX_BYTES = 1_000_000

C = TypeVar("C")


def read_config(model_dir: Path) -> ModelConfig:
    """Read config.json.

    Raises:
        ModelError: it is not JSON, or a key is unknown, missing or has a wrong value.
    """
    values = _read_json(model_dir / CONFIG)
    del values[_SOURCE]
    return _read(ModelConfig, Section(model_dir / CONFIG, "", values))


def config_source(model_dir: Path) -> object:
    """Read which file config.json was made from, as `write_config` was told."""
    return _read_json(model_dir / CONFIG)[_SOURCE]


def write_config(config: ModelConfig, model_dir: Path, source: str | None) -> None:
    """Write config.json.

    Args:
        source: the `fingerprint` of the published file.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps({_SOURCE: source, **asdict(config)}, indent=1)
    replace_file(model_dir / CONFIG, f"{text}\n".encode())
    (model_dir / CONFIG).chmod(0o644)  # a server may run as another user


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(read_bytes(path, _MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} is not a JSON object")
    return {_SOURCE: None, **values}


def _read(cls: type[C], section: Section) -> C:
    """Read a dataclass; a field with a default may be absent."""
    hints = get_type_hints(cls, include_extras=True)
    section.allow_only(hints.keys())
    return cls(
        **{
            name: _read_value(section, name, hint)
            for name, hint in hints.items()
            if name in section or not hasattr(cls, name)
        }
    )


def _read_value(section: Section, key: str, hint: Any) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        return _read(hint, section.section(key))
    if get_origin(hint) is Literal:
        return section.choice(key, get_args(hint))
    if hint in _READERS:
        return _READERS[hint](section, key)
    _, most = get_args(hint)
    return section.integer(key, most)


_READERS: Mapping[Any, Callable[[Section, str], Any]] = {
    bool: Section.boolean,
    int: Section.integer,
    float: Section.number,
    Annotated[float, POSITIVE]: Section.positive,
    tuple[float, ...]: Section.times,
    tuple[int, ...]: Section.integers,
    tuple[tuple[int, ...], ...]: Section.integer_rows,
}
