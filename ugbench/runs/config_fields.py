"""The fields of a config.json, checked before anything uses them: the file may have come from somebody else.

A name in it becomes part of paths, of tables and of commands that a person copies, so it obeys on reading the rule that
`ugbench train` and `ugbench import` obey.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import StringConstraints

from ugbench.errors import RunError
from ugbench.fit import FITS, SQUASH
from ugbench.image_size import LARGEST_SIDE, ZOOM, is_size, size_text
from ugbench.limits import LARGEST_SEED, MOST_STEPS
from ugbench.runs.json_file import read_json

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
"""Names of methods, variants and imported runs."""
NAME_RULE = "at most 64 letters, digits, dots, dashes, plus signs and underscores, and begins with a letter or digit"
Attribute = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
"""The type of a field that holds an attribute of a method, as the name of a network is."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""The type of a field that holds a SHA-256."""
LATER: Mapping[str, Any] = MappingProxyType(
    {"ema": 0, "fit": SQUASH, "zoom": ZOOM, "augmentation": "none", "halvings": 2, "checkpoint_activations": False}
)
"""Fields that the configs of all or some methods have only since later versions, with the values of earlier runs."""

FREE = frozenset({"checkpoint_activations"})
"""The fields that decide the memory and the time of a training and none of its bits, so that a run may change them."""


def with_later(config: Mapping[str, Any]) -> dict[str, Any]:
    """A method's config with the fields that a run of an earlier version has not written."""
    return {**LATER, **config}


def for_id(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a method's config that a run's id is made of.

    Left out are FREE fields, and later fields that have the value of earlier runs, so that commands keep their ids.
    """
    return {name: value for name, value in without_free(config).items() if name not in LATER or value != LATER[name]}


def without_free(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a method's config that decide its numbers."""
    return {name: value for name, value in config.items() if name not in FREE}


def with_free_of(config: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A method's config with the FREE fields of another one."""
    return {**config, **{name: other[name] for name in sorted(FREE & other.keys())}}


def readable_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A method's config with the size of its images as people type it: 128x256 where it holds [128, 256]."""
    return {**config, "size": size_text(config["size"])} if "size" in config else dict(config)


def is_dataset_name(name: str) -> bool:
    """Whether this can be the name of a data set's folder: one that no shell, terminal or path takes for more."""
    unprintable = any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in name)
    return bool(name) and not unprintable and name[0] not in ".-" and not re.search(r"/|`|\$[({]", name)


def read_config_fields(file: Path) -> dict[str, Any]:
    """The fields of a config.json without its id.

    Raises:
        FileNotFoundError: there is no such file.
        RunError: the file is no JSON object, a name in it cannot be used, or a value is missing or
            not allowed for its field.
    """
    try:
        fields = read_json(file)
    except RunError as error:
        problem = str(error).partition("; to fix this")[0]
        raise RunError(f"{problem}; to fix this, give the command again that trained or imported the run.") from None
    fields.pop("id", None)
    origin, dataset = fields.get("origin"), fields.get("dataset")
    names = {"method": fields.get("method"), "variant": fields.get("variant")}
    if isinstance(origin, Mapping):
        names["origin.name"] = origin.get("name")
    for field, name in names.items():
        if isinstance(name, str) and not NAME.fullmatch(name):
            raise RunError(f"{file}: {field} {name[:80]!r} is no name; a name has {NAME_RULE}: correct the file.")
    if isinstance(dataset, Mapping) and isinstance(dataset.get("name"), str) and not is_dataset_name(dataset["name"]):
        raise RunError(f"{file}: dataset.name {dataset['name'][:80]!r} is no name of a folder; correct the file.")
    _check_values(file, fields, origin is not None)
    return fields


def _check_values(file: Path, fields: Mapping[str, Any], is_imported: bool) -> None:
    config = fields.get("config")
    if not isinstance(config, Mapping):
        return  # pydantic says so
    has_weights = fields.get("method") != "external"
    steps, size = config.get("steps"), config.get("size")
    if (steps is not None or not is_imported) and not _is_count(steps, MOST_STEPS):
        raise RunError(f"{file}: config.steps must be a number from 1 to {MOST_STEPS:,}; correct or remove the file.")
    if (size is not None or has_weights) and (isinstance(size, str) or not is_size(size)):
        raise RunError(
            f"{file}: config.size must be a number from 1 to {LARGEST_SIDE:,}, or a list of two; correct or remove the "
            "file."
        )
    if has_weights and config.get("fit", SQUASH) not in FITS:
        raise RunError(f"{file}: config.fit must be one of {', '.join(FITS)}; correct or remove the file.")
    if fields.get("seed") is not None and not _is_count(fields["seed"], LARGEST_SEED, least=0):
        raise RunError(f"{file}: seed must be a number from 0 to {LARGEST_SEED:,}; correct or remove the file.")


def _is_count(value: object, most: int, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
