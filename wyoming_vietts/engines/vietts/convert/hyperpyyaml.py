"""Reads hyperpyyaml as data: none of its tags is ever imported or called."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ....errors import ModelError
from ....files import read_bytes
from ....program import command
from ..model.section import Section

_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class _Tagged:
    """A mapping that hyperpyyaml would hand to `class_name`."""

    class_name: str
    values: Mapping[str, Any]


class PublishedSection(Section):
    """A mapping of config.yaml, perhaps with the name of the class that it is meant for."""

    def __init__(
        self, path: Path, name: str, values: Mapping[str, Any], class_name: str = ""
    ) -> None:
        """Read a mapping; see `Section`."""
        super().__init__(path, name, values)
        self.class_name = class_name

    def tagged(self, key: str, class_name: str) -> "PublishedSection":
        """Read the section `!new:` (or `!name:`) of a class."""
        value = self._get(key)
        found = value.class_name if isinstance(value, _Tagged) else None
        if not isinstance(value, _Tagged) or found != class_name:
            self._fail(key, f"should be a section !new:{class_name}, not {found or value!r}")
        return PublishedSection(self._path, f"{self._name}{key}.", value.values, class_name)

    def expect(self, key: str, value: Any, default: Any = None) -> None:
        """Refuse any other value; a key with a default (... for the same value) may be absent."""
        if default is not None and key not in self:
            found = value if default is ... else default
        else:
            found = self._get(key)
        if found != value:
            self._fail(key, f"is {found!r}; only {value!r} is implemented")

    def ignore(self, *keys: str) -> None:
        """Accept keys without reading them."""
        self._asked.update(keys)


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
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key, value in node.value:
            if _key(key) in values:
                raise ModelError(f"{at}: {key.value} is given twice")
            values[_key(key)] = _plain(loader, value, scalars)
        if node.tag.startswith(("!new:", "!name:")):
            return _Tagged(node.tag.rpartition(".")[2], values)
        if node.tag.startswith("!"):
            raise ModelError(f"{at}: tag {node.tag} is not known; !new:, !name: and !ref are")
        return values
    if node.tag.startswith("!"):
        raise ModelError(f"{at}: tag {node.tag} is not known; !new:, !name: and !ref are")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, scalars) for item in node.value]
    return loader.construct_object(node)
