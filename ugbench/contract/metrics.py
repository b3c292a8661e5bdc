"""The contract of metrics: all its checks in one list."""

from __future__ import annotations

from collections.abc import Iterator

from ugbench import registry
from ugbench.contract import metric_checks
from ugbench.contract.check import Check, Outcome, run_checks
from ugbench.errors import UnknownName

METRIC_CHECKS = (
    Check("loads", "the module can be imported and defines a METRIC", metric_checks.loads, is_gate=True),
    Check("light", "importing the module imports no torch", metric_checks.imports_no_torch),
    Check("facts", "the METRIC says what tables need", metric_checks.says_what_tables_need, is_gate=True),
    Check(
        "signature",
        "compute takes the inputs and the settings, with the same defaults",
        metric_checks.takes_its_inputs_and_settings,
        about="compute",
        is_gate=True,
    ),
    Check(
        "score",
        "the value is finite, and its interval fits",
        metric_checks.gives_a_score,
        about="compute",
        is_gate=True,
    ),
    Check(
        "each",
        "the value is the mean of its contributions",
        metric_checks.each_has_the_value_as_its_mean,
        about="compute",
    ),
    Check(
        "pure",
        "the value depends on the inputs alone",
        metric_checks.depends_on_its_inputs_alone,
        about="compute",
    ),
    Check(
        "order",
        "the order of the images does not matter",
        metric_checks.says_whether_the_order_matters,
        about="compute",
    ),
    Check(
        "one-image",
        "one image has a finite score, or is refused in a sentence",
        metric_checks.refuses_too_few_images_in_a_sentence,
        about="compute",
    ),
)


def check_metric(name: str) -> Iterator[Outcome]:
    """The outcome of each check of a metric, as soon as it is known.

    Args:
        name: the metric's registered name.
    Raises:
        UnknownName: there is no such metric.
    """
    known = registry.modules("metrics")
    if name not in known:
        raise UnknownName("metric", name, known)
    return run_checks(
        METRIC_CHECKS, name, (None,), lambda function: getattr(registry.load_metric(name), function, None)
    )
