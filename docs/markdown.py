"""Markdown: tables, code, and a command's flags as one row each."""

from collections.abc import Iterable, Iterator, Sequence

import click


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    return "\n".join([_line(head), "|" + "---|" * len(head), *map(_line, rows)])


def code(text: str) -> str:
    """The text as it is typed."""
    return f"`{text}`"


def codes(texts: Iterable[str]) -> str:
    """Several of them."""
    return ", ".join(map(code, texts))


def context_of(command: click.Command, group: click.Group) -> click.Context:
    """The context of a command of a group, or of the group itself, as ``--help`` has it."""
    parent = click.Context(group, **group.context_settings)
    return parent if command is group else click.Context(command, parent=parent, info_name=command.name)


def described_flags(command: click.Command, group: click.Group) -> Iterator[tuple[str, str]]:
    """Each flag of a command, as it is typed, and what ``--help`` says of it."""
    ctx = context_of(command, group)
    for parameter in command.get_params(ctx):
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)):
            yield code(record[0]), " ".join(record[1].split())


def _line(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {escaped} |" if (escaped := cell.replace("|", "\\|")) else " |" for cell in cells)
