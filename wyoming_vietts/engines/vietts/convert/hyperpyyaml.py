"""Reads hyperpyyaml as data: no tag is ever imported or called."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ....errors import ModelError
from ....files import read_bytes
from ....program import command
from ....settings.values import Kind, did_you_mean
from ..model.config import frozen, kinds_of

_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class _Tagged:
    """A mapping with the tag of a class."""

    class_name: str
    values: Mapping[str, Any]


class Section:
    """A mapping of config.yaml; every key must be known.

    All methods raise a ModelError that names the file, the key and what would be right.
    """

    def __init__(
        self, path: Path, name: str, values: Mapping[str, Any], class_name: str = ""
    ) -> None:
        """Read a mapping.

        Args:
            name: the keys that lead to it, each followed by a full stop; empty for the whole file.
            class_name: of the class that would take it.
        """
        self.class_name = class_name
        self._path, self._name, self._values = path, name, values
        self._asked: set[str] = set()
        self._sections: list[Section] = []

    def section(self, key: str, class_name: str = "") -> "Section":
        """Read the section of a key, which is to be `!new:` (or `!name:`) of a class."""
        value = self._get(key)
        if class_name:
            found = value.class_name if isinstance(value, _Tagged) else value
            if not isinstance(value, _Tagged) or found != class_name:
                self._fail(f"{key} should be a section !new:{class_name}, not {found!r:.80}")
            value = value.values
        elif not isinstance(value, dict):
            self._fail(f"{key} should be a section, not {value!r:.80}")
        self._sections.append(Section(self._path, f"{self._name}{key}.", value, class_name))
        return self._sections[-1]

    def read(self, cls: type, **keys: str) -> dict[str, Any]:
        """Read fields of a configuration, each from the key that it has here."""
        kinds = kinds_of(cls)
        fields = {}
        for field, key in keys.items():
            kind, value = kinds[field], self._get(key)
            assert isinstance(kind, Kind)
            if not kind.holds(value):
                self._fail(f"{key} should be {kind.right}, not {value!r:.80}")
            fields[field] = frozen(value)
        return fields

    def expect(self, key: str, value: Any, default: Any = None) -> None:
        """Refuse any other value; a key with a default (... for the same value) may be absent."""
        if default is not None and key not in self._values:
            found = value if default is ... else default
        else:
            found = self._get(key)
        if found != value:
            self._fail(f"{key} is {found!r}; only {value!r} is implemented")

    def ignore(self, *keys: str) -> None:
        """Accept keys without reading them."""
        self._asked.update(keys)

    def close(self) -> None:
        """Refuse keys that were not read, here and in all sections within."""
        for key in self._values.keys() - self._asked:
            hint = did_you_mean(key, self._asked - self._values.keys())
            self._fail(f"{key} is unknown{hint}; known: {', '.join(sorted(self._asked))}")
        for section in self._sections:
            section.close()

    def _get(self, key: str) -> Any:
        self._asked.add(key)
        if key not in self._values:
            self._fail(f"{key} is missing")
        return self._values[key]

    def _fail(self, problem: str) -> NoReturn:
        raise ModelError(f"{self._path}: {self._name}{problem}")


class _Loader(yaml.SafeLoader):
    """Loads YAML without aliases, which could expand without end."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ModelError("YAML aliases (*name) are not used in a model's config.yaml")
        return super().compose_node(parent, index)


_SECTIONS = ("llm", "flow", "hift")


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the three sections, with !ref <name> replaced by the top-level value of that name."""
    if not path.exists():
        download = command(f"download vietts --model-dir {path.parent}")
        raise ModelError(f"{path} is missing; {download} fetches the model")
    try:
        loader = _Loader(read_bytes(path, _MAX_BYTES))
    except (OSError, yaml.YAMLError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise ModelError("not a mapping")
        scalars = {
            _key(key): value for key, value in root.value if isinstance(value, yaml.ScalarNode)
        }
        nodes = {_key(key): value for key, value in root.value}
        return {name: _plain(loader, nodes[name], scalars) for name in _SECTIONS if name in nodes}
    except (yaml.YAMLError, ModelError, RecursionError) as error:
        raise ModelError(f"{path}: {error}") from error
    finally:
        loader.dispose()


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ModelError(f"line {node.start_mark.line + 1}: a key must be a word")
    return str(node.value)


def _plain(loader: _Loader, node: yaml.Node, scalars: Mapping[str, yaml.ScalarNode]) -> Any:
    at = f"line {node.start_mark.line + 1}"
    if node.tag == "!ref":
        name = str(node.value).strip().removeprefix("<").removesuffix(">")
        if name not in scalars or scalars[name].tag.startswith("!"):
            raise ModelError(f"{at}: !ref {node.value} names no top-level value")
        return _plain(loader, scalars[name], {})
    is_class = isinstance(node, yaml.MappingNode) and node.tag.startswith(("!new:", "!name:"))
    if node.tag.startswith("!") and not is_class:
        raise ModelError(f"{at}: tag {node.tag} is not known; !new:, !name: and !ref are")
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key, value in node.value:
            if _key(key) in values:
                raise ModelError(f"{at}: {key.value} is given twice")
            values[_key(key)] = _plain(loader, value, scalars)
        return _Tagged(node.tag.rpartition(".")[2], values) if is_class else values
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, scalars) for item in node.value]
    return loader.construct_object(node)
