"""Write the products as JSON Lines."""

from collections.abc import Iterator, Sequence

from pipeline.output.aggregator import Catalogue


def jsonl_chunks(catalogue: Catalogue, _extra: Sequence[str]) -> Iterator[bytes]:
    """Yield each product as a line, byte for byte as in the summary."""
    return (lines + b"\n" for lines in catalogue.products())
