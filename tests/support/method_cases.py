"""The registered methods, those of other packages, and their variants as cases of tests."""

from __future__ import annotations

import pytest
import third_party

from ugbench import registry
from ugbench.contract.small_methods import CPU, SIZE, STEPS, build
from ugbench.contract.small_methods import small_fields as fields_of

__all__ = ["CASES", "CPU", "METHODS", "SIZE", "STEPS", "VARIANTS", "build", "each_method", "fields_of"]

VARIANTS = {name: tuple(registry.load_method(name).VARIANTS) for name in registry.modules("methods")}
VARIANTS |= third_party.VARIANTS
METHODS = list(VARIANTS)
CASES = [(name, variant) for name in METHODS for variant in (None, *VARIANTS[name])]
each_method = pytest.mark.parametrize("name", METHODS)
