"""The command `ugbench`, and `python -m ugbench`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while its modules are imported also ends with one sentence."""
    try:
        from ugbench.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit("error: interrupted.")


if __name__ == "__main__":
    main()
