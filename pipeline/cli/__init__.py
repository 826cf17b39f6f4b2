"""The command line: flags → Config → run → exit code. Nothing else prints or exits."""

from pipeline.cli.app import main

__all__ = ["main"]
