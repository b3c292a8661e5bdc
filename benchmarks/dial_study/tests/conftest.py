"""The fixtures of these tests: score records made by hand, and a whole study of them."""

# pytest takes the fixtures that a conftest.py imports.
from made_results import make_record  # noqa: F401

from benchmarks.dial_study.tests.made_records import *  # noqa: F403
