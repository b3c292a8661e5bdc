"""How a function becomes a command: its groups of options are expanded, and help shows no `<bool>` beside a switch."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from ugbench import registry
from ugbench.cli.sharing import sharing
from ugbench.errors import UgbenchError, UsageError
from ugbench.launched import launched

SHARING = ("eval", "features", "translate")
"""The commands whose images several processes, started by torchrun, can share; their option --device is `Devices`."""
TOGETHER = (*SHARING, "train")
"""All commands that several processes can carry out together."""
_PLACEHOLDER = re.compile(r"<names of (\w+)>")


def names_of(group: str) -> str:
    """A text in the help of an option that stands for the names in a group of the registry.

    The names are looked up when help is shown. Looking them up imports the packages of other distributions, for which
    no other command should wait.
    """
    return f"<names of {group}>"


def complete_methods() -> list[str]:
    """The names of methods, for the completion of a shell: none where they cannot be listed."""
    return _names_in("methods")


def complete_metrics() -> list[str]:
    """The names of metrics, for the completion of a shell: none where they cannot be listed."""
    return _names_in("metrics")


def _names_in(group: str) -> list[str]:
    try:
        return list(registry.modules(group))
    except UgbenchError:
        return []


class Command(TyperCommand):
    """A command that does not show typer's `<bool>` beside each switch, and lists registered names in its help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with the names for which `names_of` stands."""
        options: list[Any] = self.params
        for option in options:
            if option.help:
                option.help = _PLACEHOLDER.sub(lambda match: ", ".join(registry.modules(match[1])), option.help)
        super().format_help(ctx, formatter)

    def get_params(self, ctx: Any) -> list[Any]:
        """The command's options and arguments, as typer reads them to print its help."""
        return _without_bool(super().get_params(ctx))


class Group(TyperGroup):
    """The same for a command that has commands below it."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The command's options, as typer reads them to print its help."""
        return _without_bool(super().get_params(ctx))


def _without_bool(params: list[Any]) -> list[Any]:
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


def add_command(app: typer.Typer, name: str, function: Callable[..., None]) -> None:
    """Add `function` to `app` as the command `name`; see `expand_groups`."""
    command = expand_groups(function)
    if name in SHARING:
        command = _sharing_images(command)
    elif name not in TOGETHER:
        command = _by_one_process(command, name)
    app.command(name, cls=Command)(command)


def expand_groups(function: Callable[..., None]) -> Callable[..., None]:
    """`function` with a signature that typer can read.

    A parameter that is annotated with a dataclass stands for a group of options: each field of the dataclass becomes
    an option, and `function` gets one object. The options that all commands accept (--results, --data-root, --device,
    --precision) are added as hidden options where `function` does not read them, so that a script can pass the same
    ones to every command. --json is not added: a command that cannot print JSON must refuse it.

    Raises:
        TypeError: two groups or parameters declare the same name.
    """
    groups: dict[str, tuple[type, list[str]]] = {}
    flat: dict[str, inspect.Parameter] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        members = [parameter]
        if isinstance(parameter.annotation, type) and dataclasses.is_dataclass(parameter.annotation):
            members = _fields_as_parameters(parameter.annotation)
            groups[parameter.name] = (parameter.annotation, [member.name for member in members])
        for member in members:
            if member.name in flat:
                raise TypeError(f"{function.__name__} declares {member.name} twice, in a group and outside it")
            flat[member.name] = member.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    declared = {name for parameter in flat.values() for name in _option_names(parameter)}
    hidden = {
        name: parameter
        for name, parameter in inspect.signature(_common_options, eval_str=True).parameters.items()
        if not declared & _option_names(parameter)
    }

    @functools.wraps(function)
    def command(**values: Any) -> None:
        values = {name: value for name, value in values.items() if name not in hidden}
        for name, (group, members) in groups.items():
            values[name] = group(**{member: values.pop(member) for member in members})
        function(**values)

    parameters = [*flat.values(), *hidden.values()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _sharing_images(command: Callable[..., None]) -> Callable[..., None]:
    """A command that the first process carries out, while the others compute what it asks for."""

    @functools.wraps(command)
    def shared(**values: Any) -> None:
        with sharing(values["device"]) as devices:
            if devices is not None:
                command(**{**values, "device": devices})

    return shared


def _by_one_process(command: Callable[..., None], name: str) -> Callable[..., None]:
    """A command that several processes cannot carry out together, and that says so."""

    @functools.wraps(command)
    def checked(**values: Any) -> None:
        if launched().count > 1:
            commands = f"{', '.join(SHARING)} and train"
            raise UsageError(f"{name}: torchrun is for {commands}; start this command without it.")
        command(**values)

    return checked


def _fields_as_parameters(group: Any) -> list[inspect.Parameter]:
    """The fields of a dataclass as parameters, with their defaults."""
    annotations = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=annotations[field.name],
        )
        for field in dataclasses.fields(group)
    ]


def _common_options(
    *,
    unread_results: Annotated[str, typer.Option("--results", hidden=True)] = "",
    unread_data_root: Annotated[str, typer.Option("--data-root", hidden=True)] = "",
    unread_device: Annotated[str, typer.Option("--device", hidden=True)] = "",
    unread_precision: Annotated[str, typer.Option("--precision", hidden=True)] = "",
) -> None:
    """The common options as they are declared for a command that does not read them."""


def _option_names(parameter: inspect.Parameter) -> set[str]:
    """The `--…` names of a parameter that is annotated with an option."""
    names: set[object] = set()
    for item in get_args(parameter.annotation)[1:]:
        # typer stores the first name of an annotated option apart from the others, as its `default`.
        names |= {getattr(item, "default", None), *(getattr(item, "param_decls", None) or ())}
    return {name for name in names if isinstance(name, str) and name.startswith("--")}
