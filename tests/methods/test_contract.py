"""The contract of each registered method and variant. A new method is tested here without any change.

The checks are those of `ugbench check-method`: ugbench/contract has each rule once.
"""

from __future__ import annotations

import pytest
from method_cases import CASES, METHODS, VARIANTS, each_method
from styled_method import styled_is_installed

from ugbench import registry
from ugbench.contract.check import Check, NotApplicable, run_check
from ugbench.contract.methods import METHOD_CHECKS

APPLIES = {
    "attention": {"aggan", "ugatit"},
    "batch-of-1": set(METHODS),
    "feature-maps": {"aggan", "ugatit"},
    "imported-attention": {"aggan", "ugatit"},
    "rectangles": set(METHODS),
    "scalars": {"ugatit"},
    "styles": {"content_first", "drit", "munit"},
}
"""Rules about what not every method has, with the methods whose base they must apply to."""
PARAMS = [
    pytest.param(check, name, variant, id="-".join(filter(None, (check.name, name, variant))))
    for check in METHOD_CHECKS
    for name, variant in CASES
    if check.each_variant or variant is None
]


@pytest.mark.parametrize(("check", "name", "variant"), PARAMS)
def test_a_method_keeps_each_rule(check: Check, name: str, variant: str | None) -> None:
    try:
        run_check(check, name, variant)
    except NotApplicable:
        assert check.name in APPLIES
        assert variant is not None or name not in APPLIES[check.name]


def test_a_method_with_styles_gives_the_style_of_an_image() -> None:
    (styles,) = [check for check in METHOD_CHECKS if check.name == "styles"]
    with styled_is_installed():
        run_check(styles, "styled")


def test_a_variant_that_needs_a_batch_is_left_out_of_batches_of_one_image() -> None:
    (one_image,) = [check for check in METHOD_CHECKS if check.name == "batch-of-1"]
    with pytest.raises(NotApplicable, match=r"the variant refuses this batch size \(.*batch_size"):
        run_check(one_image, "ugatit", "bin")


@each_method
def test_a_method_says_which_variants_it_has(name: str) -> None:
    assert tuple(registry.load_method(name).VARIANTS) == VARIANTS[name]


def test_methods_have_the_names_of_their_papers() -> None:
    titles = {name: registry.load_method(name).title for name in METHODS}
    assert all(titles.values())
    papers = {
        "aggan": "AGGAN",
        "cartoongan": "CartoonGAN",
        "cut": "CUT",
        "cyclegan": "CycleGAN",
        "drit": "DRIT",
        "munit": "MUNIT",
        "ugatit": "U-GAT-IT",
        "unit": "UNIT",
    }
    assert {name: titles[name] for name in papers} == papers
