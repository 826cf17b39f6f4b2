"""Markdown: tables, code, and one row for each flag of a command."""

from collections.abc import Iterable, Iterator, Sequence

import click


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a ``|`` in a cell is escaped."""
    return "\n".join([_line(head), "|" + "---|" * len(head), *map(_line, rows)])


def code(text: str) -> str:
    """Return the text as inline code."""
    return f"`{text}`"


def codes(texts: Iterable[str]) -> str:
    """Return texts as inline code, separated by commas."""
    return ", ".join(map(code, texts))


def context_of(command: click.Command, group: click.Group) -> click.Context:
    """Return the context that ``--help`` uses, for a command of a group or for the group itself."""
    parent = click.Context(group, **group.context_settings)
    return parent if command is group else click.Context(command, parent=parent, info_name=command.name)


def described_flags(command: click.Command, group: click.Group) -> Iterator[tuple[str, str]]:
    """Yield each flag of a command as it is typed, with its help text."""
    ctx = context_of(command, group)
    for parameter in command.get_params(ctx):
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)):
            yield code(record[0]), " ".join(record[1].split())


def _line(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {escaped} |" if (escaped := cell.replace("|", "\\|")) else " |" for cell in cells)
