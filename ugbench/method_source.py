"""Reads what a method's class says about itself from the source text, because importing a method imports torch.

Only values that the body of the class writes out can be read in this way. Computed and inherited values cannot.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ugbench import registry


@dataclass(frozen=True)
class MethodTitles:
    """The display names of a method and its variants.

    Attributes:
        method: see `Method.title`.
        variants: those of the variants that have one, see `Method.variant_titles`.
    """

    method: str
    variants: Mapping[str, str] = field(default_factory=dict)


@cache
def method_titles(name: str) -> MethodTitles:
    """The display names of the method that is registered as `name`, without importing it.

    They are the attributes `title` and `variant_titles` of the class in its module that has them. A name that is not
    registered, and a method without a title, have the name itself as display name.
    """
    path = registry.modules("methods").get(name)
    file = None if path is None else source_file(path)
    tree = None if file is None else _parse(file.read_bytes())
    classes = [] if tree is None else [_attributes(node) for node in tree.body if isinstance(node, ast.ClassDef)]
    with_titles = [attributes for attributes in classes if "title" in attributes or "variant_titles" in attributes]
    if len(with_titles) != 1:
        return MethodTitles(name)
    title, variants = (_literal(with_titles[0].get(key)) for key in ("title", "variant_titles"))
    of_variants = variants if isinstance(variants, dict) else {}
    texts = {key: text for key, text in of_variants.items() if isinstance(key, str) and isinstance(text, str)}
    return MethodTitles(title if isinstance(title, str) and title else name, texts)


def source_file(path: str) -> Path | None:
    """The source of the module `path`; None where it has none, or cannot be found."""
    try:
        spec = importlib.util.find_spec(path)
    except (ImportError, SyntaxError):  # of a package above it; importing the method gives a better error
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def class_attributes(source: str | bytes) -> dict[str, ast.expr] | None:
    """The values of the class attributes of a module's only direct subclass of Method, as expressions by name.

    None where the text is no Python, or has no such class or several.
    """
    tree = _parse(source)
    if tree is None:
        return None
    classes = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] == ["Method"]
    ]
    return _attributes(classes[0]) if len(classes) == 1 else None


def _parse(source: str | bytes) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):  # importing the method gives a better error
        return None


def _attributes(node: ast.ClassDef) -> dict[str, ast.expr]:
    values: dict[str, ast.expr] = {}
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            values[ast.unparse(statement.target)] = statement.value
        elif isinstance(statement, ast.Assign):
            values |= {ast.unparse(target): statement.value for target in statement.targets}
    return values


def _literal(node: ast.expr | None) -> object:
    """The value of an expression that is written out; None for any other."""
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
