"""config.yaml as data: none of its tags is ever imported or called, and no key goes unread."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ....errors import ConfigError
from ....files import read_bytes
from ....program import command

_MAX_BYTES = 1_000_000
_MAX_LIST = 100
MOST = 1_000_000
"""The largest whole number in a model's config.yaml."""


@dataclass(frozen=True)
class _Tagged:
    """A mapping that hyperpyyaml would hand to ``class_name``."""

    class_name: str
    values: Mapping[str, Any]


class Section:
    """One mapping of the file, of which every key must be asked for before ``close``."""

    def __init__(self, path: Path, name: str, values: Mapping[str, Any], class_name: str = ""):
        self._path, self._name, self._values = path, name, values
        self._asked: set[str] = set()
        self.class_name = class_name

    def section(self, key: str, class_name: str | None) -> "Section":
        value = self._get(key)
        found = value.class_name if isinstance(value, _Tagged) else None
        if found != class_name or not isinstance(value, _Tagged | dict):
            wanted = f"a section !new:{class_name}" if class_name else "a plain section"
            self._fail(key, f"should be {wanted}, not {found or value!r}")
        values = value.values if isinstance(value, _Tagged) else value
        return Section(self._path, f"{self._name}{key}.", values, found or "")

    def integer(self, key: str, most: int = MOST) -> int:
        value = self._get(key)
        if type(value) is not int or not 1 <= value <= most:
            self._fail(key, f"should be a whole number from 1 to {most}, not {_short(value)}")
        return value

    def number(self, key: str) -> float:
        value = self._get(key)
        if type(value) not in (int, float) or not 0 <= value < math.inf:
            self._fail(key, f"should be a number of 0 or more, not {_short(value)}")
        return float(value)

    def positive(self, key: str) -> float:
        value = self.number(key)
        if value == 0:
            self._fail(key, "should be a number above 0, not 0")
        return value

    def integers(self, key: str) -> tuple[int, ...]:
        value = self._get(key)
        if not _are_sizes(value):
            self._fail(key, f"should be a list of at most {_MAX_LIST} sizes, not {_short(value)}")
        return tuple(value)

    def integer_rows(self, key: str) -> tuple[tuple[int, ...], ...]:
        rows = self._get(key)
        if not isinstance(rows, list) or len(rows) > _MAX_LIST or not all(map(_are_sizes, rows)):
            self._fail(key, f"should be a list of lists of sizes, not {_short(rows)}")
        return tuple(tuple(row) for row in rows)

    def expect(self, key: str, value: Any, default: Any = None) -> None:
        """Refuse any other value; a key with a default (... for the same value) may be absent."""
        if default is not None and key not in self._values:
            found = value if default is ... else default
        else:
            found = self._get(key)
        if found != value:
            self._fail(key, f"is {found!r}; only {value!r} is implemented")

    def ignore(self, *keys: str) -> None:
        self._asked.update(keys)

    def close(self) -> None:
        for key in self._values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked - set(self._values), n=1)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                self._fail(key, f"is unknown{hint}; known: {', '.join(sorted(self._asked))}")

    def _get(self, key: str) -> Any:
        self._asked.add(key)
        if key not in self._values:
            self._fail(key, "is missing")
        return self._values[key]

    def _fail(self, key: str, what: str) -> NoReturn:
        raise ConfigError(f"{self._path}: {self._name}{key} {what}")


def _are_sizes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 1 <= len(value) <= _MAX_LIST
        and all(type(number) is int and 1 <= number <= MOST for number in value)
    )


def _short(value: Any) -> str:
    return f"{value!r:.80}"


class _Loader(yaml.SafeLoader):
    """YAML to nodes and plain values, without aliases: they could nest without end."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ConfigError("YAML aliases (*name) are not used in a model's config.yaml")
        return super().compose_node(parent, index)


_SECTIONS = ("llm", "flow", "hift")


def read_yaml(path: Path) -> dict[str, Any]:
    """The three sections, with !ref <name> replaced by the top-level value it names."""
    if not path.exists():
        download = command(f"download vietts --model-dir {path.parent}")
        raise ConfigError(f"{path} is missing; {download} fetches the model")
    try:
        loader = _Loader(read_bytes(path, _MAX_BYTES))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError("not a mapping")
        scalars = {
            _key(key): value for key, value in root.value if isinstance(value, yaml.ScalarNode)
        }
        nodes = {_key(key): value for key, value in root.value}
        return {name: _plain(loader, nodes[name], scalars) for name in _SECTIONS if name in nodes}
    except (yaml.YAMLError, ConfigError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error
    finally:
        loader.dispose()


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError(f"line {node.start_mark.line + 1}: a key must be a word")
    return str(node.value)


def _plain(loader: _Loader, node: yaml.Node, scalars: Mapping[str, yaml.ScalarNode]) -> Any:
    at = f"line {node.start_mark.line + 1}"
    if node.tag == "!ref":
        name = str(node.value).strip().removeprefix("<").removesuffix(">")
        if name not in scalars or scalars[name].tag.startswith("!"):
            raise ConfigError(f"{at}: !ref {node.value} names no top-level value")
        return _plain(loader, scalars[name], {})
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key, value in node.value:
            if _key(key) in values:
                raise ConfigError(f"{at}: {key.value} is given twice")
            values[_key(key)] = _plain(loader, value, scalars)
        if node.tag.startswith(("!new:", "!name:")):
            return _Tagged(node.tag.rpartition(".")[2], values)
        if node.tag.startswith("!"):
            raise ConfigError(f"{at}: tag {node.tag} is not known; !new:, !name: and !ref are")
        return values
    if node.tag.startswith("!"):
        raise ConfigError(f"{at}: tag {node.tag} is not known; !new:, !name: and !ref are")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, scalars) for item in node.value]
    return loader.construct_object(node)
