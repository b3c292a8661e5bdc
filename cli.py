"""Launcher for a checkout: `python cli.py …` is `ugbench …`."""

import sys
from importlib.metadata import PackageNotFoundError, distribution

try:
    distribution("ugbench")
except PackageNotFoundError:
    sys.exit("ugbench is not installed here, so its methods cannot be found; run `make demo` or `pip install -e .`.")

from ugbench.cli.app import main

main()
