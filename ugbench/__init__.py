"""Train, translate with, score and compare unpaired image-to-image translators.

    import ugbench

    run = ugbench.train("ugatit", "dial:shape=1", preset="smoke", steps=200)
    images = run.translate(["cat.jpg"], direction="A2B")
    scores = run.evaluate(metrics=["kid", "lpips"])

The functions are those of the command line `ugbench`; docs/python.md shows each. Errors that a user can cause are
subclasses of `UgbenchError`. Importing this package loads nothing else: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ugbench.version import VERSION

if TYPE_CHECKING:
    from ugbench.api.evaluation import evaluate, fid, kid, lpips
    from ugbench.api.results import figure, table
    from ugbench.api.run import Run
    from ugbench.api.runs import list_runs, load_run
    from ugbench.api.studies import ablate, compare
    from ugbench.api.training import train
    from ugbench.errors import UgbenchError
    from ugbench.metric import Score

__version__ = VERSION

__all__ = [
    "Run",
    "Score",
    "UgbenchError",
    "__version__",
    "ablate",
    "compare",
    "evaluate",
    "fid",
    "figure",
    "kid",
    "list_runs",
    "load_run",
    "lpips",
    "table",
    "train",
]

_MODULES = {
    "evaluation": ("evaluate", "fid", "kid", "lpips"),
    "results": ("figure", "table"),
    "run": ("Run",),
    "runs": ("list_runs", "load_run"),
    "studies": ("ablate", "compare"),
    "training": ("train",),
}
_HOMES = {name: f"ugbench.api.{module}" for module, names in _MODULES.items() for name in names}
_HOMES |= {"Score": "ugbench.metric", "UgbenchError": "ugbench.errors"}


def __getattr__(name: str) -> Any:
    """A name of the API, from the module that defines it (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
