"""A model's own config.json: the fields of `ModelConfig`, read strictly."""

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from ....errors import ModelError
from ....files import read_bytes, replace_file
from ....settings.values import Kind, Kinds, ListOf, Number, OneOf, Switch, WholeNumber, check
from ..networks.config import MOST, ModelConfig

CONFIG = "config.json"
_SOURCE = "source"
_MAX_BYTES = 1_000_000
_MAX_LIST = 100

C = TypeVar("C")


def read_config(model_dir: Path) -> ModelConfig:
    """Read config.json.

    Raises:
        ModelError: it is not JSON, or a key is unknown, missing or has a wrong value.
    """
    values = _read_json(model_dir / CONFIG)
    del values[_SOURCE]
    try:
        return make(ModelConfig, check(values, kinds_of(ModelConfig), "key"))
    except ValueError as error:
        raise ModelError(f"{model_dir / CONFIG}: {error}") from error


def config_source(model_dir: Path) -> object:
    """Read the `source` that `write_config` has written."""
    return _read_json(model_dir / CONFIG)[_SOURCE]


def write_config(config: ModelConfig, model_dir: Path, source: str | None) -> None:
    """Write config.json.

    Args:
        source: the `fingerprint` of the published file.
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


class _Times(Kind):
    """None, or increasing numbers from 0 to 1."""

    def holds(self, value: Any) -> bool:
        return value == [] or (
            _NUMBERS.holds(value)
            and all(before < after for before, after in pairwise(value))
            and (value[0], value[-1]) == (0, 1)
        )


_NUMBERS = ListOf(Number(0.0, 1.0), 2, _MAX_LIST, "numbers")
_SIZES = ListOf(WholeNumber(1, MOST), 1, _MAX_LIST, "sizes")
_KINDS: Mapping[Any, Kind] = {
    bool: Switch(),
    int: WholeNumber(1, MOST),
    float: Number(0.0, MOST),
    tuple[float, ...]: _Times("increasing numbers from 0 to 1, such as [0, 0.25, 1], or none"),
    tuple[int, ...]: _SIZES,
    tuple[tuple[int, ...], ...]: ListOf(_SIZES, 0, _MAX_LIST, "lists of sizes"),
}


def kinds_of(cls: type) -> Kinds:
    """Return the kinds of values that the fields of a configuration may have."""
    return {name: _kind(hint) for name, hint in get_type_hints(cls, include_extras=True).items()}


def _kind(hint: Any) -> Kind | Kinds:
    if is_dataclass(hint) and isinstance(hint, type):
        return kinds_of(hint)
    if get_origin(hint) is Literal:
        return OneOf(*get_args(hint))
    if hint in _KINDS:
        return _KINDS[hint]
    _, kind = get_args(hint)
    assert isinstance(kind, Kind)
    return kind


def make(cls: type[C], values: Mapping[str, Any], within: str = "") -> C:
    """Make a configuration of checked values; raise ValueError if one is missing."""
    fields = {}
    for name, hint in get_type_hints(cls).items():
        if name in values:
            value = values[name]
            is_section = is_dataclass(hint) and isinstance(hint, type)
            fields[name] = make(hint, value, f"{within}{name}.") if is_section else frozen(value)
        elif not hasattr(cls, name):
            raise ValueError(f"Key '{within}{name}' is missing")
    return cls(**fields)


def frozen(value: Any) -> Any:
    """Turn lists into tuples."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value
