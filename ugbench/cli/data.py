"""`ugbench data …`: the group of commands on data sets."""

from __future__ import annotations

import typer

from ugbench.cli.command import Group, add_command
from ugbench.cli.data_check import check
from ugbench.cli.data_get import get
from ugbench.cli.data_import import import_
from ugbench.cli.data_list import list_
from ugbench.cli.data_make import make

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="List, download, import and check data sets, draw a dial, or make further training images.",
)
add_command(app, "list", list_)
add_command(app, "make", make)
add_command(app, "check", check)
add_command(app, "import", import_)
add_command(app, "get", get)
