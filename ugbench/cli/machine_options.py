"""The options of `compare` and `ablate` that say which machines train and score a study."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from typer import Option

from ugbench.errors import UsageError
from ugbench.study.share import ALL, Share


@dataclass(frozen=True, kw_only=True)
class MachineOptions:
    """Which runs of a study are trained and on which machines, and whether the study is scored."""

    on: Annotated[
        Literal["local", "slurm"],
        Option("--on", help="Train on this machine, or each run as a job of SLURM; the command then returns at once."),
    ] = "local"
    slurm: Annotated[
        list[str] | None,
        Option(
            "--slurm",
            metavar="K=V,…",
            help="What a job asks SLURM for, as in partition=gpu,gpus_per_node=1,timeout_min=720; repeatable. A "
            "study's file can have it as its table [slurm].",
        ),
    ] = None
    wait: Annotated[
        bool, Option("--wait", help="With --on slurm: wait for the jobs, show their states, and print the table.")
    ] = False
    only: Annotated[
        str | None,
        Option("--only", metavar="K/N", help="Only the K-th of N shares of the runs, as in 2/4; K counts from 1."),
    ] = None
    print_commands: Annotated[
        bool,
        Option(
            "--print-commands",
            help="Train nothing; print a line `ugbench train …` for each run that is not done, for any scheduler.",
        ),
    ] = False
    no_train: Annotated[
        bool, Option("--no-train", help="Score the runs that are done, and train none of the others.")
    ] = False
    no_score: Annotated[bool, Option("--no-score", help="Train only; compute no scores and print no table.")] = False

    @property
    def share(self) -> Share:
        """The runs that --only names.

        Raises:
            UsageError: it is not two numbers K/N with K from 1 to N.
        """
        if self.only is None:
            return ALL
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", self.only)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise UsageError(
                f"--only {self.only}: give K/N with K from 1 to N, as in 2/4 for the second of four shares."
            )
        return Share(int(match[1]), int(match[2]))

    @property
    def is_scored(self) -> bool:
        """Whether the study is scored."""
        return not (self.no_score or self.print_commands)

    def check(self, jobs: int, dry_run: bool) -> None:
        """Check that these options do not contradict each other.

        Args:
            jobs, dry_run: values of --jobs and --dry-run.
        Raises:
            UsageError: they do.
        """
        if self.on == "slurm":
            for option, is_given in (
                ("--print-commands", self.print_commands),
                ("--no-train", self.no_train),
                (f"--jobs {jobs}", jobs > 1),
            ):
                if is_given:
                    raise UsageError(f"{option} goes with --on local; leave it out, or leave out --on slurm.")
            if self.wait and dry_run:
                raise UsageError("--wait and --dry-run exclude each other; give one of them.")
        for option, is_given in (("--slurm", bool(self.slurm)), ("--wait", self.wait)):
            if is_given and self.on != "slurm":
                raise UsageError(f"{option} goes with --on slurm; give that option too.")
        if self.no_train and self.no_score:
            raise UsageError("--no-train and --no-score leave nothing to do; give one of them.")
