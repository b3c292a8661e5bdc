"""`ugbench variants METHOD`: which variants a method has, and what each changes."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ugbench import registry
from ugbench.cli.options import Json
from ugbench.cli.output import print_json, print_rows


def variants(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="One of `ugbench methods`.")],
    as_json: Json = False,
) -> None:
    """List a method's variants, each with the config fields in which it differs from the base.

    \b
    Examples:
      ugbench variants ugatit
      ugbench variants ugatit --json
    """
    found = registry.load_method(method)
    # The base differs in nothing and its records say variant null; tables and `ablate` call it full.
    rows: list[tuple[str | None, dict[str, Any]]] = [(None, {})]
    rows += [(name, dict(fields)) for name, fields in found.VARIANTS.items()]
    if as_json:
        print_json([{"variant": name, "fields": fields} for name, fields in rows])
        return
    print_rows(
        ("variant", "changes"),
        [(name or "full", as_sets(fields) or "nothing: the base") for name, fields in rows],
    )


def as_sets(fields: dict[str, Any]) -> str:
    """Config fields as `--set` takes them: `light=true blocks=4`."""
    return " ".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in fields.items())
