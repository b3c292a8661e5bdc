"""One method compared with another one on a data set and direction: the claims, and how they are put into words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ugbench.direction import Direction
from ugbench.metrics import kid
from ugbench.statistics.crossed import CrossedClaim
from ugbench.statistics.equivalence import Equivalence
from ugbench.statistics.failures import FailureClaim
from ugbench.statistics.permutation import CheckpointClaim
from ugbench.statistics.seeds import MethodClaim


@dataclass(frozen=True)
class Comparison:
    """A method compared with another one on a data set and direction.

    Attributes:
        label, to: the names of the two methods' rows in tables.
        runs: ids of the two runs in `checkpoints`: those of the lowest seed that both methods have, or else the first
            run of each.
        run_seeds: the seeds of these two runs; None for an import.
        checkpoints: the claim about these two, with Holm's p over all methods and both directions of the data set.
        unpaired_se: the standard error of their difference if their scores were independent.
        method: the claim about the methods for these images, over all their seeds; adjusted in the same way.
        crossed: the claim about the methods for other images like these; None where a method has fewer than three
            seeds.
        kids: raw KID of these two runs. All numbers of a comparison are of the same images: the sources that all runs
            of both methods have translated, whose number is `checkpoints.n`.
        equivalence: that of the two checkpoints, and that of the methods over their seeds; None without a margin.
        failures: how often seeds of both methods fail, adjusted in the same way; None if no bound was given.
        n_sources: number of test sources. If it is larger than `checkpoints.n`, a run lacks outputs, and tables show
            other KIDs, each over all outputs of its run.
    """

    dataset: str
    direction: Direction
    label: str
    to: str
    runs: tuple[str, str]
    run_seeds: tuple[int | None, int | None]
    checkpoints: CheckpointClaim
    unpaired_se: float
    method: MethodClaim
    crossed: CrossedClaim | None
    kids: tuple[float, float]
    n_sources: int
    equivalence: tuple[Equivalence, Equivalence] | None = None
    failures: FailureClaim | None = None

    def method_text(self) -> str:
        """The claim about the methods in a sentence, with KID as tables print it."""
        return self.method.text(self.label, self.to, kid.METRIC.title, kid.METRIC.scale)

    def seeds_text(self) -> str | None:
        """The value of each seed, and the p-value of Welch's test for comparison; None if each method has one seed."""
        if max(self.method.seeds) < 2:
            return None
        first, second = (
            ", ".join(f"{kid.METRIC.scale * value:.4g}" for value in sorted(values)) for values in self.method.values
        )
        welch = "" if self.method.welch_p is None else f"; Welch's t-test would give p = {self.method.welch_p:.3g}"
        return f"{kid.METRIC.title} of each seed, sorted: {self.label} {first}; {self.to} {second}{welch}."

    def crossed_text(self) -> str | None:
        """The claim about the methods for other images, in a sentence; None where there is none."""
        if self.crossed is None:
            return None
        return self.crossed.text(kid.METRIC.title, kid.METRIC.scale, self.method.testable)

    def equivalence_texts(self) -> list[str]:
        """Whether the checkpoints and the methods are equivalent, a sentence each; none without a margin."""
        units = zip(("checkpoints", "methods"), self.equivalence or (), strict=False)
        return [claim.text(unit, self.label, self.to, kid.METRIC.title, kid.METRIC.scale) for unit, claim in units]

    def failures_text(self) -> str | None:
        """How many seeds of both methods failed, in a sentence; None where no bound was given."""
        if self.failures is None:
            return None
        return self.failures.text(self.label, self.to, kid.METRIC.title, kid.METRIC.scale)

    def missing_text(self) -> str | None:
        """How many sources the comparison leaves out for lack of outputs, in a sentence; None if it uses all."""
        missing = self.n_sources - self.checkpoints.n
        if not missing:
            return None
        verb = "has" if missing == 1 else "have"
        return (
            f"{missing} of {self.n_sources} sources {verb} no output of {self.label} or {self.to}, so all numbers of "
            f"this comparison are of the other {self.checkpoints.n}; tables have each run's score over all its outputs."
        )

    def sentences(self) -> list[str]:
        """The claim about the methods, and which images it leaves out, each with the data set and the direction."""
        texts = filter(None, (self.method_text(), self.missing_text()))
        return [f"{self.dataset} {self.direction}: {text}" for text in texts]

    def untested_text(self) -> str | None:
        """Why the two checkpoints are not tested; None if they are."""
        return self.checkpoints.text(self.label, self.to) if self.checkpoints.p_value is None else None

    def to_json(self) -> dict[str, Any]:
        """All fields, and the claims in words."""
        text: dict[str, Any] = {
            "checkpoints": self.checkpoints.text(self.label, self.to),
            "method": self.method_text(),
            "crossed": self.crossed_text(),
        }
        if self.equivalence is not None:
            text["equivalence"] = self.equivalence_texts()
        if self.failures is not None:
            text["failures"] = self.failures_text()
        return {**asdict(self), "text": text}
