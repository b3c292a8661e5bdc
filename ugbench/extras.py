"""Packages that only some commands need: which extra of this distribution installs them, and what is said without it.

The extras are those of pyproject.toml, [project.optional-dependencies].
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

from ugbench.errors import UsageError


def need_extra(extra: str, packages: tuple[str, ...], purpose: str) -> None:
    """Refuse work that needs the packages of an extra, before it begins.

    Args:
        extra: the name in `pip install 'ugbench[extra]'`.
        packages: the modules that the work imports.
        purpose: what needs them, as the first words of the sentence.
    Raises:
        UsageError: one of the packages is not installed.

    >>> need_extra("votes", ("no_such_package",), "`ugbench vote`")
    Traceback (most recent call last):
    ugbench.errors.UsageError: `ugbench vote` needs no_such_package; install with `pip install 'ugbench[votes]'`.
    """
    missing = [name for name in packages if not is_installed(name)]
    if missing:
        raise UsageError(f"{purpose} needs {', '.join(missing)}; install with `pip install 'ugbench[{extra}]'`.")


def is_installed(package: str) -> bool:
    """True if a module can be imported."""
    if package in sys.modules:
        return sys.modules[package] is not None
    return find_spec(package) is not None
