"""Launcher for a checkout: `python cli.py …` is `ugbench …`."""

import sys
from importlib.metadata import PackageNotFoundError, distribution


def main() -> None:
    """Run the command line, unless the checkout is not installed: then there are no entry points to find."""
    try:
        distribution("ugbench")
    except PackageNotFoundError:
        sys.exit("error: ugbench is not installed for this Python; run `make demo` or `pip install -e .`.")
    from ugbench.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
