"""The distribution on the package index: its name, which is not that of the import package, and its version."""

from importlib.metadata import version

# On the public index the name `pipeline` belongs to another project.
DISTRIBUTION = "catalogue-pipeline"

VERSION = version(DISTRIBUTION)


def install_extra(extra: str) -> str:
    """Return how to install an extra, for messages."""
    return f"run pip install '{DISTRIBUTION}[{extra}]', or `uv sync --extra {extra}` in a clone"
