"""The words with which a command was called, to call it again on another machine with other options."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import typer


def given_words(
    context: typer.Context, without: Collection[str] = (), instead: Mapping[str, str] | None = None
) -> list[str]:
    """The words after `ugbench` that mean the same call: the command, and each option that was given.

    An option whose value comes from a variable of the environment is written out: a job may have another environment.

    Args:
        without: names of parameters to leave out.
        instead: other values of parameters, by name.
    """
    words = [] if context.info_name is None else [context.info_name]
    for option in context.command.params:
        name = option.name or ""
        source = context.get_parameter_source(name)
        if name in without or source is None or source.name not in ("COMMANDLINE", "ENVIRONMENT"):
            continue
        value = context.params[name]
        if option.param_type_name == "argument":
            words.append(str(value))
        elif getattr(option, "is_flag", False):
            words += option.opts[:1] if value else []
        else:
            values = value if isinstance(value, list | tuple) else [value]
            words += [word for item in values for word in (option.opts[0], (instead or {}).get(name, str(item)))]
    return words
