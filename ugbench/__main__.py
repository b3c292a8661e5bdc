"""`python -m ugbench` is `ugbench`."""

from ugbench.cli.app import main

if __name__ == "__main__":
    main()
