"""Finds methods, metrics and figures by name, in this distribution and in any other that is installed.

An entry point of the groups `ugbench.methods`, `ugbench.metrics` or `ugbench.figures` names a module that is
one thing (its name is the entry point's), or a package whose every public module is one (its name is the
module's). So a new file is found unasked, and listing names imports none of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ugbench.errors import UgbenchError, UnknownName

if TYPE_CHECKING:
    from ugbench.method import Method
    from ugbench.metric import Metric


@cache
def modules(group: str) -> dict[str, str]:
    """Names of group `ugbench.<group>`, each with the import path of its module.

    Args:
        group: "methods", "metrics" or "figures".
    Raises:
        UgbenchError: two entry points bring the same name, or one names nothing that can be imported.
    """
    found: dict[str, str] = {}
    for entry in sorted(entry_points(group=f"ugbench.{group}"), key=lambda e: (e.name, e.value)):
        own = entry.dist is not None and entry.dist.name == "ugbench"
        for name, path in _expand(entry.name, entry.value, own):
            if found.setdefault(name, path) != path:
                raise UgbenchError(
                    f"two {group} are called '{name}': {found[name]} and {path}; uninstall or rename one."
                )
    return dict(sorted(found.items()))


def _expand(name: str, path: str, own: bool) -> list[tuple[str, str]]:
    spec = importlib.util.find_spec(path)
    if spec is None or spec.origin is None:
        raise UgbenchError(f"entry point '{name}' names {path}, which cannot be found; reinstall its package.")
    # The package index has another `baselines`; pip would merge the two folders without a word.
    home = Path(__file__).parents[1]
    if own and not Path(spec.origin).is_relative_to(home):
        raise UgbenchError(
            f"{path} was found in {spec.origin}, not beside ugbench in {home}; uninstall the package that brought it."
        )
    if spec.submodule_search_locations is None:
        return [(name, path)]
    children = pkgutil.iter_modules(spec.submodule_search_locations)
    return [(child.name, f"{path}.{child.name}") for child in children if not child.name.startswith("_")]


def load(group: str, name: str) -> ModuleType:
    """The module that is `name` in `group`.

    Raises:
        UnknownName: no such name; the message offers a near one.
    """
    known = modules(group)
    if name not in known:
        raise UnknownName(group.removesuffix("s"), name, known)
    return importlib.import_module(known[name])


def load_method(name: str) -> type[Method]:
    """The Method class of `name`: the one subclass that its module defines.

    Raises:
        UnknownName: no method has that name.
        UgbenchError: the module defines none, or several.
    """
    from ugbench.method import Method

    module = load("methods", name)
    own = [
        item
        for item in vars(module).values()
        if inspect.isclass(item) and issubclass(item, Method) and item.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise UgbenchError(f"{module.__name__} defines {len(own)} Method classes; a method's module defines one.")
    return own[0]


def load_metric(name: str) -> Metric:
    """The metric called `name`: the METRIC that its module defines.

    Raises:
        UnknownName: no metric has that name.
    """
    metric: Metric = load("metrics", name).METRIC
    return metric
