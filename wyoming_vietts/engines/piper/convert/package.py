"""Reads a sanoTTS voice: a manifest, weights in half precision, and the ids of phonemes."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ....settings.table import PIPER_SCALES
from ....settings.values import Kind, ListOf, WholeNumber, check_value

MANIFEST = "manifest.json"
FORMAT = "roota.raw-fp16.v1"

_CONFIG = "piper-phoneme-config.json"
_MAX_JSON_BYTES = 1_000_000
_MAX_TENSORS = 1000
_MAX_NAME_CHARACTERS = 100
_HZ = WholeNumber(4000, 192_000)
_PLACE = WholeNumber(0, 1_000_000_000)
_SHAPE = ListOf(WholeNumber(1, 1_000_000), 0, 3, "sizes")
_INTEGERS = ("int32", "int64")  # counters of training, which speech does not need

Floats = npt.NDArray[np.float32]


class Component:
    """One network: its configuration, and its weights by name."""

    def __init__(self, name: str, config: dict[str, Any], weights: dict[str, Floats]) -> None:
        self._name = name
        self._config = config
        self._weights = weights

    def require(self, key: str, wanted: Any, default: Any = None) -> None:
        """Raise ValueError unless a value of the configuration is the wanted one."""
        found = self._config.get(key, default)
        if found != wanted:
            raise ValueError(
                f"the {self._name} network is of another kind: '{key}' is {found!r:.40}, "
                f"not {wanted!r}"
            )

    def value(self, key: str, kind: Kind) -> Any:
        """Return a value of the configuration; raise ValueError if it is of another kind."""
        return check_value(self._config.get(key), kind, f"'{key}' of the {self._name} network")

    def take(self, name: str, *sizes: int | Kind) -> Floats:
        """Return a weight, once.

        Args:
            sizes: of its dimensions; a kind where several are right.

        Raises:
            ValueError: it is missing, of another shape, or not finite.
        """
        weight = self._weights.pop(name, None)
        if weight is None:
            raise ValueError(f"the {self._name} network has no weight '{name}'")
        if len(weight.shape) != len(sizes) or not all(
            wanted.holds(size) if isinstance(wanted, Kind) else wanted == size
            for size, wanted in zip(weight.shape, sizes, strict=True)
        ):
            raise ValueError(
                f"weight '{name}' of the {self._name} network has the shape "
                f"{'x'.join(map(str, weight.shape))}; it must be "
                f"{'x'.join(w.right if isinstance(w, Kind) else str(w) for w in sizes)}"
            )
        if not np.isfinite(weight).all():
            raise ValueError(f"weight '{name}' of the {self._name} network is not finite")
        return weight

    def finish(self) -> None:
        """Raise ValueError if a weight has not been taken, as then this is another network."""
        if self._weights:
            name = next(iter(self._weights))
            raise ValueError(f"the {self._name} network has the unknown weight '{name}'")


@dataclass(frozen=True)
class Package:
    """A published voice."""

    sample_rate: int
    """Hz."""
    length_scale: float
    """2 is half as fast as 1."""
    phonemes: Mapping[str, Any]
    """The configuration of the Piper voice from which this one was distilled."""
    components: Mapping[str, Component]
    """`duration`, `acoustic` and `decoder`."""

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> "Package":
        """Read a voice from the content of its files, by name.

        Raises:
            ValueError: a file is missing, damaged, or of another kind; the message says which.
        """
        manifest = _read_json(files, MANIFEST)
        if manifest.get("format") != FORMAT:
            raise ValueError(f"the format is {manifest.get('format')!r:.40}, not {FORMAT}")
        weights = _file(files, manifest.get("weights_file"))
        size, digest = manifest.get("weights_size_bytes"), manifest.get("weights_sha256")
        own_digest = hashlib.sha256(weights).hexdigest()
        if size not in (None, len(weights)) or digest not in (None, own_digest):
            raise ValueError(
                f"the weights, of {len(weights):,} bytes, are not those of the manifest"
            )
        frontend = _object(manifest.get("frontend", {}), "frontend")
        inference = _object(manifest.get("inference"), "inference")
        components = _object(manifest.get("components"), "components")
        return cls(
            sample_rate=check_value(manifest.get("sample_rate"), _HZ, "sample_rate"),
            length_scale=check_value(
                inference.get("duration_length_scale"),
                PIPER_SCALES["length_scale"],
                "duration_length_scale",
            ),
            phonemes=_read_json(files, frontend.get("included_config") or _CONFIG),
            components={
                name: _component(name, components.get(name), weights)
                for name in ("duration", "acoustic", "decoder")
            },
        )


def _component(name: str, described: Any, content: bytes) -> Component:
    described = _object(described, f"component {name}")
    tensors = described.get("tensors")
    if not (isinstance(tensors, list) and len(tensors) <= _MAX_TENSORS):
        raise ValueError(f"the tensors of {name} are not a list of up to {_MAX_TENSORS}")
    weights: dict[str, Floats] = {}
    size = 0
    for tensor in tensors:
        tensor = _object(tensor, f"a tensor of {name}")
        key = tensor.get("name")
        if not (isinstance(key, str) and len(key) <= _MAX_NAME_CHARACTERS and key.isprintable()):
            raise ValueError(f"a tensor of {name} has the name {key!a:.60}")
        if key in weights:
            raise ValueError(f"{name} has two tensors '{key}'")
        if tensor.get("dtype") not in _INTEGERS:
            weights[key] = _weight(f"tensor '{key}' of {name}", tensor, content)
            size += 2 * weights[key].size
            if size > len(content):
                raise ValueError(f"the tensors of {name} share their places")
    return Component(
        name, _object(described.get("config"), f"the configuration of {name}"), weights
    )


def _weight(what: str, tensor: dict[str, Any], content: bytes) -> Floats:
    if tensor.get("dtype") != "float16":
        raise ValueError(f"{what} has the type {tensor.get('dtype')!r:.40}, not float16")
    shape = check_value(tensor.get("shape"), _SHAPE, f"the shape of {what}")
    start = check_value(tensor.get("offset_bytes"), _PLACE, f"the place of {what}")
    size = 2 * math.prod(shape)
    if tensor.get("nbytes") != size or start + size > len(content):
        raise ValueError(
            f"{what} has {size} bytes at {start}; the weights have {len(content)}, and the "
            f"manifest says {tensor.get('nbytes')!r:.20}"
        )
    values = np.frombuffer(content, "<f2", math.prod(shape), start)
    return values.astype(np.float32).reshape(shape)


def _file(files: Mapping[str, bytes], name: Any) -> bytes:
    content = files.get(name) if isinstance(name, str) else None
    if content is None:
        raise ValueError(f"it names a file {name!a:.60}; there are {', '.join(sorted(files))}")
    return content


def _read_json(files: Mapping[str, bytes], name: Any) -> dict[str, Any]:
    content = _file(files, name)
    if len(content) > _MAX_JSON_BYTES:
        raise ValueError(f"{name} has {len(content):,} bytes")
    try:
        return _object(json.loads(content), name)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} cannot be read: {error!s:.200}") from error


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {value!r:.40}, not an object")
    return value
