"""Lets `python -m ams` do what the `ams` command does."""

from ams.cli.main import main

if __name__ == "__main__":
    main()
