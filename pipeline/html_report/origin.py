"""The origin of a report: the command line of its run, without secrets, and the files beside it."""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from pipeline.model.summary import Summary
from pipeline.redaction import Secrets, shown_definition, shown_value


class Origin(msgspec.Struct, frozen=True):
    """The command line of a run, its files by name, each as a URL relative to the report, and its store."""

    command: str = ""
    files: Mapping[str, str] = {}
    store: str | None = None

    @classmethod
    def of(cls, summary: Summary, report: Path, command: str) -> "Origin":
        """Return the origin of the run of ``summary``, whose report is the file ``report``."""
        files = {
            "summary": summary.output,
            "products": summary.products,
            "changes": summary.changes,
            "rejected records": summary.rejects,
        }
        links = {name: _relative(path, report.parent) for name, path in files.items() if path is not None}
        return cls(command, links, summary.store)


NO_ORIGIN = Origin()


def shown_command(arguments: Sequence[str], secrets: Secrets) -> str:
    """Return the command line with these arguments as a shell takes it, without secrets.

    Values that ``--set`` gives to credentials and headers are masked if they are not references, such as ``${NAME}``.
    """
    return shlex.join(["pipeline", *map(secrets.redact, _masked(arguments))])


def _masked(arguments: Sequence[str]) -> Iterator[str]:
    previous = ""
    for argument in arguments:
        flag, equals, setting = argument.partition("=")
        if previous == "--set":
            yield _masked_setting(argument)
        elif flag == "--set" and equals:
            yield f"--set={_masked_setting(setting)}"
        else:
            yield shown_definition(argument) if "://" in argument else argument
        previous = argument


def _masked_setting(setting: str) -> str:
    key, equals, value = setting.partition("=")
    parts = key.split(".")
    if "auth" in parts or "headers" in parts:
        value = shown_value("secret", value)
    else:
        value = shown_definition(value) if "://" in value else shown_value(parts[-1], value)
    return f"{key}{equals}{value}"


def _relative(path: Path, folder: Path) -> str:
    return quote(Path(os.path.relpath(path, folder)).as_posix())
