"""`ugbench variants METHOD`: list the variants of a method and what each changes."""

from __future__ import annotations

import json
from typing import Any

from ugbench import registry
from ugbench.cli.options import Json, MethodArgument
from ugbench.cli.output import print_result


def variants(method: MethodArgument, as_json: Json = False) -> None:
    """List a method's variants, each with the config fields in which it differs from the base.

    \b
    Examples:
      ugbench variants ugatit
      ugbench variants ugatit --json
    """
    # The base changes nothing. Its records have variant null; tables and `ablate` call it full.
    rows: list[tuple[str | None, dict[str, Any]]] = [(None, {})]
    rows += [(name, dict(fields)) for name, fields in registry.load_method(method).VARIANTS.items()]
    content = [{"variant": name, "fields": fields} for name, fields in rows]
    lines = [(name or "full", as_sets(fields) or "nothing: the base") for name, fields in rows]
    print_result(as_json, content, ("variant", "changes"), lines)


def as_sets(fields: dict[str, Any]) -> str:
    """Config fields in the form that `--set` takes: `light=true blocks=4`."""
    return " ".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in fields.items())
