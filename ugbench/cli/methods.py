"""`ugbench methods`: list the installed methods."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass

from ugbench import registry
from ugbench.cli.options import Json
from ugbench.cli.output import log, print_result
from ugbench.method_source import class_attributes, source_file


@dataclass(frozen=True)
class Summary:
    """The fields of a method that the list shows; `title` is the first line of its module.

    `style_dim` is the number of values of its style, 0 if it makes one output for each image. `needs` is what its
    training needs beside images of A and B: pairs, further folders, and files for --weights.
    """

    name: str
    title: str
    directions: list[str]
    presets: list[str]
    variants: list[str]
    style_dim: int
    needs: list[str]


def methods(as_json: Json = False) -> None:
    """List the methods that are installed. A style above 0 means many outputs for one image.

    What a method needs, beside images of A and B, are pairs of images, further folders, or files for --weights.
    A method that cannot be loaded is named on stderr and left out.

    \b
    Examples:
      ugbench methods
      ugbench methods --json
    """
    summaries = []
    for name, path in registry.modules("methods").items():
        try:
            summaries.append(summarize(name, path))
        except Exception as error:  # of any type: the module of a method may come from anybody
            log(registry.why_not_loaded("method", name, error))
    rows = [
        (
            *(s.name, ",".join(s.directions), ",".join(s.presets), len(s.variants), s.style_dim),
            *(", ".join(s.needs) or "-", s.title),
        )
        for s in summaries
    ]
    header = ("method", "directions", "presets", "variants", "style", "needs", "title")
    print_result(as_json, [asdict(summary) for summary in summaries], header, rows)


def summarize(name: str, path: str) -> Summary:
    """The summary of the method `name` in the module `path`.

    It is read from the source text, because importing a method imports torch, which takes seconds. The module is
    imported where attributes are computed or inherited, so that the text does not show them, and where it imports a
    package that is not installed, so that the error says so.
    """
    source = source_file(path)
    if source is not None:
        summary = read_source(name, source.read_bytes())
        if summary is not None:
            return summary
    module = registry.load("methods", name)
    method = registry.load_method(name)
    return Summary(
        name,
        _first_line(module.__doc__),
        list(method.directions),
        list(method.PRESETS),
        list(method.VARIANTS),
        method.style_dim,
        _needs(method.paired, method.splits, method.frozen.values(), method.optional_weights),
    )


def read_source(name: str, source: str | bytes) -> Summary | None:
    """The summary as a module's only direct subclass of Method spells it out; None where it does not."""
    values = class_attributes(source)
    if values is None:
        return None
    tree = ast.parse(source)
    if not all(map(_is_installed, _imported_packages(tree))):
        return None
    try:
        presets = _keys(values["PRESETS"])
        variants = _keys(values["VARIANTS"]) if "VARIANTS" in values else []
        directions = ast.literal_eval(values["directions"]) if "directions" in values else ("A2B", "B2A")
        style_dim, paired, splits, frozen, optional = (
            ast.literal_eval(values[key]) if key in values else default
            for key, default in (
                *(("style_dim", 0), ("paired", False), ("splits", ()), ("frozen", {})),
                ("optional_weights", ()),
            )
        )
    except (KeyError, ValueError):
        return None
    if not isinstance(frozen, dict):
        return None
    needs = _needs(paired, splits, frozen.values(), optional)
    return Summary(name, _first_line(ast.get_docstring(tree)), list(directions), presets, variants, style_dim, needs)


def _imported_packages(tree: ast.Module) -> Iterator[str]:
    """The top-level packages that a module imports as soon as it is imported itself."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _is_installed(package: str) -> bool:
    return package in sys.modules or importlib.util.find_spec(package) is not None


def _needs(paired: bool, splits: Iterable[str], weights: Iterable[str], optional: Collection[str]) -> list[str]:
    """What a training needs beside images of A and B; a variant may do without some weights."""
    needed = [name for name in dict.fromkeys(weights) if name not in optional]
    return [*["pairs"] * paired, *splits, *(f"--weights {name}" for name in needed)]


def _keys(node: ast.expr) -> list[str]:
    """The keys of a dict that is written out; ValueError for any other expression, and for a dict with `**`."""
    if not isinstance(node, ast.Dict) or None in node.keys:
        raise ValueError("not a dict that is written out with plain keys")
    return [str(ast.literal_eval(key)) for key in node.keys if key is not None]


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
