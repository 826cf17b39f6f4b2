"""How ``--help`` looks: it ends with examples that can be run as they stand."""

from collections.abc import Sequence
from typing import Any

import click


class Command(click.Command):
    """A command whose help ends with ``examples``: each what stands behind the program's name."""

    def __init__(self, *args: Any, examples: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_lines("Examples", self.examples, ctx, formatter)


def write_lines(title: str, lines: Sequence[str], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write command lines, with the name that the program was called by, and never broken."""
    with formatter.section(title):
        for line in lines:
            formatter.write(f"{'':{formatter.current_indent}}{ctx.find_root().info_name} {line}".rstrip() + "\n")
