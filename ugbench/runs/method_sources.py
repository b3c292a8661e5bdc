"""The code of a method as a hash, so that a run can say that its method was changed since it was trained.

The hash covers the method's module and what that imports from its own package, and the packages above them. Comments,
docstrings and layout are left out, so that no run is flagged after an upgrade that changes only these. ugbench itself
is left out too: an upgrade of it would flag every run of every method, while its own tests hold that numbers stay the
same. Nothing is imported, because importing a method takes seconds.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

from ugbench import registry
from ugbench.errors import RunError
from ugbench.runs.json_file import read_json
from ugbench.runs.run import Run

NOT_CODE = (
    "type_comment",
    "type_params",
    "kind",
    "ctx",
)  # fields of syntax trees that Python versions fill differently


def method_sources(method: str) -> str | None:
    """SHA-256, in hex, of the code of a method; None if it is not installed or has no readable source."""
    path = registry.modules("methods").get(method)
    if path is None:
        return None
    total = hashlib.sha256()
    try:
        files = _files(path)
        for name, file in sorted(files.items()):
            total.update(json.dumps([name, _code(ast.parse(file.read_bytes()))]).encode())
    except (SyntaxError, ValueError):  # importing the method will say it better
        return None
    return total.hexdigest() if files else None


def changed_method(run: Run) -> str | None:
    """A sentence for the user if the method's code is not the code that the training began with.

    None if it is the same, or if that cannot be known: an imported run, one of an older version, a method that is no
    longer installed, or an environment.json that is missing or damaged.
    """
    if run.config.origin is not None:
        return None
    try:
        before = read_json(run.environment_file).get("method_sources")
    except (FileNotFoundError, RunError):  # scores and training need nothing that is in this file
        return None
    now = method_sources(run.config.method)
    if before is None or now is None or before == now:
        return None
    return (
        f"the code of {run.config.method} has changed since the training of run {run.id} ({run.config.label}) began; "
        "to train it again with the code of today, give `ugbench train` the option --restart."
    )


def _files(path: str) -> dict[str, Path]:
    """The source files by module: the module of this import path, and what it imports from its top-level package."""
    package = path.partition(".")[0]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return {}
    roots = [Path(folder) for folder in spec.submodule_search_locations or ()]
    files: dict[str, Path] = {}
    waiting = [path]
    while waiting:
        module = waiting.pop()
        file = _file_of(module, roots) if roots else Path(spec.origin)
        if module in files or file is None or file.suffix != ".py":
            continue
        files[module] = file
        if "." in module:
            waiting.append(module.rpartition(".")[0])  # importing a module runs the packages above it
        is_package = file.name == "__init__.py"
        names = _imports(ast.parse(file.read_bytes()), module if is_package else module.rpartition(".")[0])
        waiting += [name for name in names if name.partition(".")[0] == package]
    return files


def _file_of(module: str, roots: list[Path]) -> Path | None:
    """The source file of a module of the package in these folders; None if the name is no module."""
    parts = module.split(".")[1:]
    for root in roots:
        folder = root.joinpath(*parts)
        for file in (folder / "__init__.py", folder.with_name(f"{folder.name}.py")):
            if file.is_file() and (parts or file.name == "__init__.py"):
                return file
    return None


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """What a module imports; of `from a import b` both a and a.b, since b may be a module.

    Args:
        package: the package that relative imports start from.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _code(node: object) -> object:
    """A syntax tree as JSON, without strings that stand alone as a statement: docstrings and texts after attributes.

    Fields that are empty are left out: newer versions of Python have more of them.
    """
    if isinstance(node, list):
        return [_code(item) for item in node if not _is_text(item)]
    if not isinstance(node, ast.AST):
        return node if isinstance(node, str | int | float | bool | None) else repr(node)
    fields = {name: _code(value) for name, value in ast.iter_fields(node) if name not in NOT_CODE}
    return [type(node).__name__, {name: value for name, value in fields.items() if value not in (None, [])}]


def _is_text(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
