"""Protocols in words: what distinguishes the columns of a metric, and what a caption says of each protocol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from ugbench.fit import SQUASH
from ugbench.image_size import size_text
from ugbench.scoring.protocols import AS_IS, LAST

NETWORKS = {
    "alex": "AlexNet",
    "alexnet": "AlexNet",
    "clip": "CLIP",
    "dinov2": "DINOv2",
    "inception": "Inception",
    "random": "untrained network",
    "squeeze": "SqueezeNet",
    "squeezenet": "SqueezeNet",
    "vgg": "VGG",
}
"""Display names of extractors and perceptual networks; others keep their names."""

NETWORK = ("extractor.name", "perceptual.net")
KIND = ("reference", "name")
IN_ORDER = (*NETWORK, *KIND, "size", "fit", "format")
LAST_RESORT = ("filter", "to_extractor", "extractor.transform", "perceptual.version", "checkpoint")
DIGESTS = ("extractor.sha256", "perceptual.sha256")
"""Fields by their paths in a protocol. Those that are in none of these lists stand between IN_ORDER and LAST_RESORT."""

Protocols = Mapping[str, Mapping[str, Any]]
"""The protocols of one metric by their ids."""


def differences(protocols: Protocols) -> dict[str, str]:
    """What distinguishes each protocol of a metric from the others, in words, by id: `AlexNet, 512 px`.

    The network and the kind of the protocol (its name, or its references) are there where they differ; of the other
    fields as few as it takes to tell all protocols apart. Weights that differ in their content alone are numbered.
    "last checkpoint" is left out where a protocol is told from the others without it. Empty for a single protocol.

    >>> differences({"1": {"size": 256, "format": "png"}, "2": {"size": 256, "format": "jpeg"}})
    {'1': 'PNG', '2': 'JPEG'}
    """
    if len(protocols) < 2:
        return dict.fromkeys(protocols, "")
    words = _words_by_path(protocols)
    chosen = _choose(words, list(protocols))
    texts = {key: list(dict.fromkeys(words[path][key] for path in chosen if words[path][key])) for key in protocols}
    without = {key: [text for text in parts if text != _checkpoint_words(LAST)] for key, parts in texts.items()}
    for key, parts in without.items():
        others = [[*texts[other]] for other in protocols if other != key]
        if parts and parts not in others and parts not in [without[other] for other in protocols if other != key]:
            texts[key] = parts
    joined = {key: ", ".join(parts) for key, parts in texts.items()}
    if all(joined.values()) and len(set(joined.values())) == len(joined):
        return joined
    return {key: f"protocol {place}" for place, key in enumerate(protocols, start=1)}


def words(protocol: Mapping[str, Any]) -> str:
    """A protocol's fields in words, extractor and reference first, without the digests of weights.

    >>> words({"name": "target", "metric": "kid", "size": 64, "extractor": {"name": "alexnet"}})
    'target, extractor alexnet, size 64'
    """
    first = ("name", "extractor", "perceptual", "reference", "settings", "size", "fit")
    fields = {key: protocol[key] for key in (*first, *protocol) if key in protocol and key != "metric"}
    parts = (_field_words(key, value) for key, value in fields.items() if value not in (None, {}, []))
    return ", ".join(filter(None, parts))


def digests(protocols: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The SHA-256 digests of the weights of each network that the protocols use, by the network's name."""
    by_network: dict[str, dict[str, None]] = {}
    for protocol in protocols:
        fields = _flat(protocol)
        for network, digest in zip(NETWORK, DIGESTS, strict=True):
            if isinstance(fields.get(digest), str):
                name = str(fields.get(network))
                by_network.setdefault(NETWORKS.get(name, name), {})[fields[digest]] = None
    return {name: sorted(of_network) for name, of_network in by_network.items()}


def _words_by_path(protocols: Protocols) -> dict[str, dict[str, str]]:
    """The fields in which the protocols differ, in words: by path, then by id."""
    fields = {key: _flat(protocol) for key, protocol in protocols.items()}
    if any("fit" in of_protocol for of_protocol in fields.values()):
        for of_protocol in fields.values():
            of_protocol.setdefault("fit", AS_IS if of_protocol.get("size", AS_IS) == AS_IS else SQUASH)
    paths = dict.fromkeys(path for of_protocol in fields.values() for path in of_protocol if path != "metric")
    known = [*IN_ORDER, *LAST_RESORT, *DIGESTS]
    middle = [path for path in paths if path not in known]
    ordered = [path for path in (*IN_ORDER, *middle, *LAST_RESORT, *DIGESTS) if path in paths]
    by_path = {}
    for path in ordered:
        values = {key: of_protocol.get(path) for key, of_protocol in fields.items()}
        if len({repr(value) for value in values.values()}) > 1:
            by_path[path] = {key: _value_words(path, value, list(values.values())) for key, value in values.items()}
    return by_path


def _choose(words: Mapping[str, Mapping[str, str]], keys: Sequence[str]) -> list[str]:
    """The paths of the fields that a heading states, in order."""

    def groups(paths: Iterable[str]) -> int:
        chosen = list(paths)
        return len({tuple(words[path][key] for path in chosen) for key in keys})

    needed = [path for path in NETWORK if path in words]
    kind = [path for path in KIND if path in words]
    # A train reference is said by its own field, so that the name of the protocol would repeat it.
    needed += kind[:1] if groups(kind[:1]) == groups(kind) else kind[-1:] if groups(kind[-1:]) == groups(kind) else kind
    others = [path for path in words if path not in (*needed, *kind)] + [path for path in kind if path not in needed]
    for count in range(len(others) + 1):
        for more in combinations(others, count):
            if groups([*needed, *more]) == len(keys):
                return [path for path in words if path in (*needed, *more)]
    return list(words)


def _value_words(path: str, value: Any, values: Sequence[Any]) -> str:
    """A field's value as a heading states it; empty where the protocol lacks the field.

    Args:
        values: of all protocols.
    """
    if path in DIGESTS:
        known = sorted({other for other in values if isinstance(other, str)})
        return f"weights {known.index(value) + 1}" if value in known else ""
    if path == "checkpoint":
        rules = {other for other in values if other not in (None, LAST)}
        return _checkpoint_words(value) if value in (None, LAST) or len(rules) == 1 else f"checkpoint by {value}"
    if value is None or value == "":
        return "" if path in (*IN_ORDER, *LAST_RESORT) else f"no {_name(path)}"
    if path in NETWORK or path in ("extractor", "perceptual"):
        return NETWORKS.get(str(value), str(value))
    if path == "size" or value == AS_IS:
        return _size_words(value)
    if path == "format":
        return str(value).upper()
    if path == "reference":
        return f"{value} reference"
    return str(value) if path in ("name", "fit") else f"{_name(path)} {value}"


def _checkpoint_words(value: Any) -> str:
    return "last checkpoint" if value in (None, LAST) else "selected checkpoint"


def _size_words(size: Any) -> str:
    return "files as they are" if size == AS_IS else f"{size_text(size)} px"


def _name(path: str) -> str:
    """`settings.subset_size` as `subset size`."""
    return path.removeprefix("settings.").replace(".", " ").replace("_", " ")


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of a protocol by their paths: `extractor.name`."""

    def items() -> Iterator[tuple[str, Any]]:
        for key, value in fields.items():
            if isinstance(value, Mapping):
                yield from _flat(value, f"{prefix}{key}.").items()
            else:
                yield f"{prefix}{key}", value

    return dict(items())


def _field_words(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        fields = {name: content for name, content in value.items() if name != "sha256"}
        head = next((str(fields.pop(name)) for name in ("name", "net") if name in fields), "")
        inner = ", ".join(_field_words(k, v) for k, v in fields.items() if v is not None)
        if key == "settings":
            return inner
        if not head and not inner:  # nothing but a digest, as of a file of statistics
            return ""
        return f"{key} {head} ({inner})" if head and inner else f"{key} {head or inner}"
    if key in ("name", "fit"):
        return str(value)
    if key == "size" and value != AS_IS:
        return f"size {size_text(value)}"
    return f"{key.replace('_', ' ')} {value}"
