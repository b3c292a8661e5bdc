"""Changes to the fields of a config, from options for single fields and from `--set`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ugbench.errors import UsageError
from ugbench.image_size import as_size, size_text


def merge_overrides(fields: Mapping[str, Any], sets: Mapping[str, Any]) -> dict[str, Any]:
    """The changes to a preset, by config field.

    Args:
        fields: values of `--steps`, `--size` and `--batch-size`; None where one is not given.
        sets: values of `--set`.
    Raises:
        UsageError: `sets` names a field that was also given in `fields`.
    """
    overrides = {name: value for name, value in fields.items() if value is not None}
    for name, value in sets.items():
        if name in overrides:
            option = name.replace("_", "-")
            said = size_text(as_size(overrides[name])) if name == "size" else overrides[name]
            raise UsageError(f"--set {name}={value}: --{option} says {said}; give one of them.")
        overrides[name] = value
    return overrides
