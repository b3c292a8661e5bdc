"""The fixtures of these tests: score records made by hand, and a whole study of them."""

pytest_plugins = ("made_results", "benchmarks.dial_study.tests.made_records")
