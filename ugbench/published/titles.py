"""The names of methods as publications print them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def published_titles() -> dict[str, str]:
    """The display names of methods that have published numbers, by the names that records would have."""
    return tomllib.loads(files("ugbench.published").joinpath("titles.toml").read_text(encoding="utf-8"))
