"""The command line: flags → Config → run → exit code. No other part of the program prints or exits."""

from pipeline.cli.app import main

__all__ = ["main"]
