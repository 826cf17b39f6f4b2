"""The formats of the products file: find the writer for a suffix; JSON Lines, the simplest of them, is here.

To add a format, write a function like :func:`jsonl_chunks`, and name it in ``PRODUCT_FORMATS`` in
``config/settings.py``; see docs/EXTENDING.md. The configuration's check, its error message, its schema and the
documents follow from that.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from pkgutil import resolve_name

from pipeline.config.settings import PRODUCT_FORMATS
from pipeline.distribution import install_extra
from pipeline.errors import ConfigError, Problem
from pipeline.output.aggregator import Catalogue

# Given the catalogue and the names of the extra fields, yields the content of the file.
Writer = Callable[[Catalogue, Sequence[str]], Iterator[bytes]]


def jsonl_chunks(catalogue: Catalogue, _extra: Sequence[str]) -> Iterator[bytes]:
    """Yield each product on a line, byte for byte as in the summary, one chunk of products at a time."""
    for lines in catalogue.products():
        yield lines + b"\n"


def writer_for(path: Path) -> Writer:
    """Import the writer for the suffix of ``path``.

    Only the format in use is imported, because its packages may be large or missing.

    Raises:
        ConfigError: if a package that the format needs is not installed.
    """
    suffix = path.suffix.removeprefix(".")
    try:
        writer: Writer = resolve_name(PRODUCT_FORMATS[suffix])
    except ImportError as error:
        text = f"{path} cannot be written: {error}; {install_extra(suffix)}"
        raise ConfigError([Problem("products", text)]) from error
    return writer
