"""Checks the class of a method: what its attributes are, before anything is built from them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from ugbench.direction import DIRECTIONS
from ugbench.method import Method, MethodConfig


def class_fault(method: type[Method]) -> str | None:
    """What is wrong with the first attribute of a method's class that is missing or has a wrong value, as a clause;
    None if all are right.
    """
    if inspect.isabstract(method):
        return f"it does not define {', '.join(sorted(method.__abstractmethods__))}"
    config = getattr(method, "Config", None)
    if not (inspect.isclass(config) and issubclass(config, MethodConfig)):
        return "Config is missing, or is no subclass of MethodConfig"
    for name, field in config.model_fields.items():
        if field.is_required():
            return f"the field {name} of {config.__name__} has no default; give it one"
    return _fault_of_presets(method) or _fault_of_facts(method)


def _fault_of_presets(method: type[Method]) -> str | None:
    for attribute in ("PRESETS", "VARIANTS"):
        tables = getattr(method, attribute, {})
        if not (isinstance(tables, Mapping) and all(isinstance(fields, Mapping) for fields in tables.values())):
            return f"{attribute} is no dict of dicts: the config fields of each name"
        for name, fields in tables.items():
            if unknown := [field for field in fields if field not in method.Config.model_fields]:
                return f"{attribute}['{name}'] has {unknown[0]}, which is no field of {method.Config.__name__}"
    return None if getattr(method, "PRESETS", {}) else "PRESETS is missing or empty; each method has paper and smoke"


def _fault_of_facts(method: type[Method]) -> str | None:
    for name, least in (("period", 1), ("style_dim", 0)):
        value = getattr(method, name)
        if not (isinstance(value, int) and value >= least):
            return f"{name} is {value!r}; it is a whole number of {least} or more"
    if not isinstance(method.paired, bool):
        return f"paired is {method.paired!r}; it is True or False"
    directions = method.directions
    known = isinstance(directions, tuple | list) and set(directions) <= set(DIRECTIONS)
    if not known or not directions or len(set(directions)) < len(directions):
        return f"directions is {directions!r}; it is a tuple of {' and '.join(DIRECTIONS)}, or of one of them"
    for name in ("splits", "ablation", "optional_weights", "revisions", "output_maps"):
        value = getattr(method, name)
        if not (isinstance(value, tuple | list) and all(isinstance(item, str) for item in value)):
            return f"{name} is {value!r}; it is a tuple of names, as in ('edges',)"
    if not _are_texts(method.frozen):
        return f"frozen is {method.frozen!r}; it is a dict from the attribute of a network to its name for --weights"
    if not _are_texts(method.variant_titles):
        return f"variant_titles is {method.variant_titles!r}; it is a dict from a variant's name to its display name"
    if unknown := [name for name in method.variant_titles if name not in method.VARIANTS]:
        return f"variant_titles has {unknown[0]}, which is not in VARIANTS"
    return None


def _are_texts(table: object) -> bool:
    return isinstance(table, Mapping) and all(isinstance(item, str) for pair in table.items() for item in pair)
