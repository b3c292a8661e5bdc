"""Finds methods, metrics, extractors, figures and trackers by name, in all installed distributions.

The entry-point groups are `ugbench.methods`, `ugbench.metrics`, `ugbench.extractors`, `ugbench.figures` and
`ugbench.trackers`. An entry point names a module, which is registered under the name of the entry point, or a package,
in which each public module is registered under its own name. So a new file in such a package needs no registration.
Listing the names imports none of the modules.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import traceback
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from ugbench.errors import NotLoadable, UgbenchError, UnknownName, UsageError

if TYPE_CHECKING:
    from ugbench.extractor import Extractor
    from ugbench.method import Method
    from ugbench.metric import Metric
    from ugbench.tracker import Tracker

T = TypeVar("T")


@cache
def modules(group: str) -> dict[str, str]:
    """The names in the group `ugbench.<group>`, each with the import path of its module.

    A module of another distribution may be impossible to find or to import; `load` raises the error.

    Args:
        group: "methods", "metrics", "extractors", "figures" or "trackers".
    Raises:
        UgbenchError: two modules have the same name, or an entry point of this distribution names a module that does
            not exist.
    """
    paths: dict[str, str] = {}
    for entry in sorted(entry_points(group=f"ugbench.{group}"), key=lambda e: (e.name, e.value)):
        is_builtin = entry.dist is not None and entry.dist.name == "ugbench"
        for name, path in _expand(entry.name, entry.value, is_builtin):
            if paths.setdefault(name, path) != path:
                raise UgbenchError(
                    f"two {group} are called '{name}': {paths[name]} and {path}; uninstall or rename one."
                )
    return dict(sorted(paths.items()))


def _expand(name: str, path: str, is_builtin: bool) -> list[tuple[str, str]]:
    """The modules of an entry point, as pairs of name and import path.

    Args:
        is_builtin: True for an entry point of this distribution; its modules must be those beside this package.
    """
    try:
        spec = importlib.util.find_spec(path)  # imports the packages above the module
    except Exception:  # of any type: these packages may come from anybody
        if is_builtin:
            raise
        return [(name, path)]
    if spec is None or spec.origin is None:
        if is_builtin:
            raise UgbenchError(f"entry point '{name}' names {path}, which cannot be found; reinstall its package.")
        return [(name, path)]
    # Another distribution on the package index is called `baselines`, and pip would merge the two folders silently.
    home = Path(__file__).parents[1]
    if is_builtin and not Path(spec.origin).is_relative_to(home):
        raise UgbenchError(
            f"{path} was found in {spec.origin}, not beside ugbench in {home}; uninstall the package that brought it."
        )
    if spec.submodule_search_locations is None:
        return [(name, path)]
    children = pkgutil.iter_modules(spec.submodule_search_locations)
    return [(child.name, f"{path}.{child.name}") for child in children if not child.name.startswith("_")]


def check_name(group: str, name: str) -> None:
    """Check that a name is registered, without importing its module.

    Raises:
        UnknownName: there is no such name; the message suggests a similar one.
    """
    known = modules(group)
    if name not in known:
        raise UnknownName(group.removesuffix("s"), name, known)


def load(group: str, name: str) -> ModuleType:
    """Import the module that is registered as `name` in `group`.

    Raises:
        UnknownName: there is no such name; the message suggests a similar one.
        NotLoadable: the module cannot be found, is not valid Python, or imports something that cannot be found.
    """
    check_name(group, name)
    path, kind = modules(group)[name], group.removesuffix("s")
    try:
        return importlib.import_module(path)
    except SyntaxError as error:
        raise NotLoadable(kind, name, f"{error.filename}, line {error.lineno}: {error.msg}") from error
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and f"{path}.".startswith(f"{error.name}."):
            raise NotLoadable(kind, name, f"its entry point names {path}, which cannot be found") from error
        raise NotLoadable(kind, name, f"{_place(error)}: {error.msg}") from error


def _place(error: ImportError) -> str:
    """The file and line of the import that failed."""
    frames = traceback.extract_tb(error.__traceback__)
    files = [frame for frame in frames if not frame.filename.startswith("<frozen importlib")]
    return f"{files[-1].filename}, line {files[-1].lineno}"


def load_method(name: str) -> type[Method]:
    """Import the method that is registered as `name`: the only subclass of `Method` in its module.

    Raises:
        UnknownName: no method has that name.
        NotLoadable: see `load`; or the module defines no such class, or several, or an attribute of the class has a
            wrong value.
    """
    from ugbench.method import Method
    from ugbench.method_class import class_fault

    module = load("methods", name)
    classes = [
        item
        for item in vars(module).values()
        if inspect.isclass(item) and issubclass(item, Method) and item.__module__ == module.__name__
    ]
    if len(classes) != 1:
        reason = f"{module.__name__} defines {len(classes)} Method classes, and a method's module defines one"
        raise NotLoadable("method", name, reason)
    if (fault := class_fault(classes[0])) is not None:
        raise NotLoadable("method", name, f"{module.__name__}.{classes[0].__name__}: {fault}")
    return classes[0]


def why_not_loaded(kind: str, name: str, error: Exception) -> str:
    """The sentence about a method or an extractor (`kind`) whose loading ended with this error, of whatever type."""
    if isinstance(error, NotLoadable):
        return str(error)
    return str(NotLoadable(kind, name, str(error).rstrip(".") or type(error).__name__))


def load_metric(name: str) -> Metric:
    """Import the metric that is registered as `name`: the METRIC of its module.

    Raises:
        UnknownName: no metric has that name.
        NotLoadable: see `load`; or its module has no METRIC that is a `Metric`.
    """
    from ugbench.metric import Metric

    module = load("metrics", name)
    metric = getattr(module, "METRIC", None)
    if not isinstance(metric, Metric):
        raise NotLoadable("metric", name, f"{module.__name__} has no METRIC that is a ugbench.metric.Metric")
    return metric


def load_extractor(name: str) -> Extractor:
    """Import the extractor that is registered as `name`: the EXTRACTOR of its module.

    Raises:
        UnknownName: no extractor has that name.
        NotLoadable: see `load`; or its module ends with an error, or has no EXTRACTOR that is an `Extractor`.
    """
    from ugbench.extractor import Extractor

    return _load_constant("extractors", name, Extractor)


def load_tracker(name: str) -> Tracker:
    """Import the tracker that is registered as `name`: the TRACKER of its module.

    Raises:
        UnknownName: no tracker has that name.
        NotLoadable: see `load`; or its module ends with an error, or has no TRACKER that is a `Tracker`.
    """
    from ugbench.tracker import Tracker

    return _load_constant("trackers", name, Tracker)


def usable_trackers(names: Iterable[str]) -> dict[str, Tracker]:
    """These trackers by name, after each has checked that it can be used.

    Raises:
        UnknownName, NotLoadable: see `load_tracker`.
        UsageError: the package of a tracker is missing, nobody is logged in, or the check ends with another error.
    """
    trackers = {name: load_tracker(name) for name in names}
    for name, tracker in trackers.items():
        try:
            tracker.check()
        except UgbenchError:
            raise
        except Exception as error:  # of any type: the tracker may come from anybody
            reason = (str(error).strip() or "no reason was given").splitlines()[0].rstrip(".")
            raise UsageError(
                f"--track {name} cannot be used ({type(error).__name__}: {reason}); correct its settings, or leave the "
                "option out."
            ) from error
    return trackers


def _load_constant(group: str, name: str, kind: type[T]) -> T:
    """The object in a module whose name is that of its class in capitals, such as EXTRACTOR."""
    try:
        module = load(group, name)
    except UgbenchError:
        raise
    except Exception as error:  # of any type: the module may come from anybody
        raise NotLoadable(group.removesuffix("s"), name, f"{type(error).__name__}: {error}".rstrip(".")) from error
    constant = getattr(module, kind.__name__.upper(), None)
    if not isinstance(constant, kind):
        reason = f"{module.__name__} has no {kind.__name__.upper()} that is a {kind.__module__}.{kind.__name__}"
        raise NotLoadable(group.removesuffix("s"), name, reason)
    return constant
