"""Writes docs/config.md, the page of all config fields, from the methods' own configs.

    python docs/reference/config_page.py

The methods are those of this repository; those of other packages that are installed have no place on the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ugbench import registry
from ugbench.method import Method, MethodConfig

PAGE = Path(__file__).parents[1] / "config.md"
HOMES = ("ugatit", "baselines")
HEAD = """# Config fields

The fields of each method's config. `--set FIELD=VALUE` changes one, as in `ugbench train cyclegan … --set lr=1e-4`.
Some have an option of their own: `--size`, `--batch-size` and `--steps`. A preset (`--preset`) and a variant
(`--variant`) change fields too, and `ugbench variants METHOD` lists what variants change. The fields are in a run's
config.json, and decide its id; `checkpoint_activations` alone does not, because it changes no result. This page is made
by `python docs/reference/config_page.py`.
"""
COLUMNS = "| field | value | default | what it is |\n|---|---|---|---|"
KINDS = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}
BOUNDS = {
    "minimum": "{} or more",
    "exclusiveMinimum": "above {}",
    "maximum": "{} or less",
    "exclusiveMaximum": "below {}",
}


def page() -> str:
    """The text of the page."""
    parts = [HEAD, "## All methods\n", *_table(MethodConfig, ()), ""]
    shared = tuple(MethodConfig.model_fields)
    for name, path in registry.modules("methods").items():
        if path.partition(".")[0] not in HOMES:
            continue
        method = registry.load_method(name)
        parts += [f"## {method.title} (`{name}`)\n", *_table(method.Config, shared), "", *_presets(method), ""]
    return "\n".join(parts).rstrip() + "\n"


def _table(config: type[MethodConfig], left_out: tuple[str, ...]) -> Iterator[str]:
    yield COLUMNS
    schema = config.model_json_schema()
    for name, field in schema["properties"].items():
        if name not in left_out:
            value = _value(field, schema.get("$defs", {}))
            yield f"| `{name}` | {value} | {_shown(field.get('default'))} | {field.get('description', '')} |"


def _value(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a field may be, in words."""
    if "$ref" in field:
        return _value(definitions[field["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in field:
        return " or ".join(_value(option, definitions) for option in field["anyOf"])
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "null":
        return "null"
    if "prefixItems" in field:
        return f"[{', '.join(_value(item, definitions) for item in field['prefixItems'])}]"
    if field.get("type") == "array":
        return f"list of {_value(field.get('items', {}), definitions)}"
    bounds = [words.format(_number(field[key])) for key, words in BOUNDS.items() if key in field]
    return ", ".join([KINDS.get(field.get("type", ""), "value"), *bounds])


def _number(value: float) -> str:
    return f"{value:g}"


def _shown(value: object) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _presets(method: type[Method]) -> Iterator[str]:
    for preset, fields in method.PRESETS.items():
        changes = ", ".join(f"`{key}={json.dumps(value)}`" for key, value in fields.items())
        yield f"- Preset `{preset}`: {changes or 'the defaults'}."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
