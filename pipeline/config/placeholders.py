"""The placeholders in the names of output files: ``{date}``, ``{time}`` and ``{run}``."""

import re

NAMES = ("date", "time", "run")

PLACEHOLDER = re.compile(rf"\{{({'|'.join(NAMES)})\}}")


def placeholder_error(name: str) -> str | None:
    """Return which placeholder of a file's name is not known, None if all are."""
    unknown = [each for each in re.findall(r"\{(\w*)\}", name) if each not in NAMES]
    known = ", ".join(f"{{{each}}}" for each in NAMES)
    return f"{name!r} contains {{{unknown[0]}}}, which is not a placeholder; there are: {known}" if unknown else None
