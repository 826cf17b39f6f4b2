"""Read what a run must know of the summary that it replaces, in little memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from loguru import logger

from pipeline.model.summary import Status

# The sources of a hundred thousand endpoints, about: more is not a summary.
_MOST_BYTES = 1 << 26


class _OldSource(msgspec.Struct, frozen=True):
    name: str
    status: Status
    products: int
    baseline_products: int | None = None


class _OldSummary(msgspec.Struct, frozen=True):
    sources: Sequence[_OldSource]


def read_baselines(summary: Path) -> Mapping[str, int]:
    """Return the number of products in the last complete run of each source, as a summary on disk has it.

    Only the part before the products is read. A file that is damaged or not a summary is ignored, with a warning.
    """
    try:
        sources = _read_sources(summary)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logger.warning("{} is not a readable summary ({}), so nothing is compared with it", summary, error)
        return {}
    return {source.name: baseline for source in sources if (baseline := _baseline(source)) is not None}


def _baseline(source: _OldSource) -> int | None:
    # Summaries of 0.1.0 have no baseline, and their complete sources may have no products.
    if source.baseline_products is None and source.status == "complete":
        return source.products or None
    return source.baseline_products


def _read_sources(path: Path) -> Sequence[_OldSource]:
    """Read the lines before the products, which end a JSON object if their last comma is replaced.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not a summary, or has no line that begins the products.
    """
    head = bytearray()
    with path.open("rb") as file:
        while line := file.readline(_MOST_BYTES):
            if line.lstrip().startswith(b'"products": ['):
                return msgspec.json.decode(head.rstrip().removesuffix(b",") + b"}", type=_OldSummary).sources
            head += line
            if len(head) > _MOST_BYTES:
                break
    raise ValueError("it has no line that begins the products")
