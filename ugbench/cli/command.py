"""Commands whose help says no more of a switch than what it does."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """Without the `<bool>` that typer writes beside each switch."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options and arguments, as typer asks for them to print."""
        return _plain(super().get_params(ctx))


class Group(TyperGroup):
    """The same of a command with commands of its own."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options, as typer asks for them to print."""
        return _plain(super().get_params(ctx))


def _plain(params: list[Any]) -> list[Any]:
    for one in params:
        if getattr(one, "is_flag", False):
            one.metavar = ""
    return params
