"""`ugbench runs …`: the group of commands on runs. Without one of them, it lists the runs."""

from __future__ import annotations

import typer

from ugbench.cli.command import Group, add_command, expand_groups
from ugbench.cli.runs_list import list_
from ugbench.cli.runs_remove import remove
from ugbench.cli.runs_rename import rename
from ugbench.cli.runs_show import show

app = typer.Typer(cls=Group, invoke_without_command=True, callback=expand_groups(list_))
add_command(app, "show", show)
add_command(app, "remove", remove)
add_command(app, "rename", rename)
