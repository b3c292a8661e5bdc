"""Templates of HTML pages: each package that makes pages has its own folder templates/."""

from __future__ import annotations

from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ugbench.visible import visible


def environment(package: str, **globals_: Any) -> Environment:
    """The jinja2 environment of a package's templates/. It escapes every text; all its templates know `globals_`."""
    jinja = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals.update(globals_)
    return jinja


def _visible(value: Any) -> Any:
    """What a template prints; in text that is not our own markup, control characters are replaced."""
    return visible(value, keep="\n\t") if type(value) is str else value


def read(package: str, name: str) -> str:
    """The text of a file in a package's templates/."""
    return resources.files(package).joinpath("templates", name).read_text(encoding="utf-8")
