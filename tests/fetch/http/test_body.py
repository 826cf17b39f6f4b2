"""A response body is collected whole, and never takes more memory than its cap."""

import contextlib
import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PermanentError, TransientError
from pipeline.fetch.http.body import ACCEPT_ENCODING, BodyCollector

TEXT = b'{"items": [{"id": 1, "name": "caf\xc3\xa9"}]}' * 20
MIB = 1 << 20


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def collect(chunks: Sequence[bytes], encoding: str | None = None, max_bytes: int = 10 * MIB) -> bytes:
    collector = BodyCollector(encoding, max_bytes)
    feed(collector, chunks)
    return collector.finish()


def feed(collector: BodyCollector, chunks: Iterable[bytes]) -> None:
    for chunk in chunks:
        collector.feed(chunk)


def in_pieces(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


ENCODERS: dict[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "": bytes,
    "identity": bytes,
    "gzip": gzipped,
    "x-gzip": gzipped,
    "GZip": gzipped,
    " gzip ": gzipped,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("encoding", ENCODERS)
def test_each_encoding_gives_the_body_back(encoding: str | None, size: int) -> None:
    """Plain, gzip and deflate bodies arrive whole, for chunks of any size and any spelling of the field."""
    assert collect(in_pieces(ENCODERS[encoding](TEXT), size), encoding) == TEXT


def test_requested_encodings_are_supported() -> None:
    """The collector supports every encoding that requests ask for."""
    for encoding in ACCEPT_ENCODING.split(","):
        assert collect([ENCODERS[encoding.strip()](TEXT)], encoding) == TEXT


@pytest.mark.parametrize("expected", [0, 1, len(TEXT) - 1, len(TEXT), len(TEXT) + 1, 10**20])
@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_an_announced_length_changes_no_body(encoding: str | None, expected: int) -> None:
    """The body is what arrives, whether the announced length is right, too small, too large or absurd."""
    collector = BodyCollector(encoding, 10 * MIB, expected=expected)
    feed(collector, in_pieces(ENCODERS[encoding](TEXT), 7))
    assert collector.finish() == TEXT


def test_an_absurd_length_takes_little_memory() -> None:
    """A server that announces a terabyte and sends nothing costs less than half of the cap."""
    tracemalloc.start()
    try:
        BodyCollector(None, 10 * MIB, expected=1 << 40).feed(b"{")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * MIB


@pytest.mark.parametrize("encoding", [None, "gzip", "deflate"])
def test_no_chunks_are_an_empty_body(encoding: str | None) -> None:
    """A response without a body (HTTP 204) is empty, for every encoding that its header may name."""
    assert collect([], encoding) == b""
    assert collect([b"", b""], encoding) == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "utf-8"])
def test_encoding_that_was_not_requested_is_permanent(encoding: str) -> None:
    """A body in an encoding that was not requested is a permanent error, which names the encoding."""
    with pytest.raises(PermanentError, match=encoding):
        BodyCollector(encoding, 100)


@pytest.mark.parametrize("encoding", [None, "gzip", "deflate"])
@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_cap_is_exact(encoding: str | None, size: int) -> None:
    """A body of exactly the cap's size passes; one byte more is a permanent error that names the key to change."""
    exact, over = (in_pieces(ENCODERS[encoding](b"x" * length), size) for length in (500, 501))
    assert collect(exact, encoding, max_bytes=500) == b"x" * 500
    with pytest.raises(PermanentError, match=r"over 500 bytes; see `http\.max_body_bytes`"):
        collect(over, encoding, max_bytes=500)


@pytest.mark.parametrize("size", [16, 1_000, MIB])
def test_bomb_is_stopped_at_the_cap(size: int) -> None:
    """At most the cap and one byte of a 100 MiB bomb are decompressed, for chunks of any size."""
    bomb = gzip.compress(bytes(100 * MIB), compresslevel=9, mtime=0)
    collector = BodyCollector("gzip", 64 * 1024)
    pieces = in_pieces(bomb, size)
    tracemalloc.start()
    try:
        with pytest.raises(PermanentError, match="over 65536 bytes"):
            feed(collector, pieces)
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


def test_endless_plain_body_is_stopped_at_the_cap() -> None:
    """At most the cap and one byte of one huge chunk are kept."""
    collector = BodyCollector(None, 1000)
    chunk = bytes(10 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(PermanentError, match="over 1000 bytes"):
            collector.feed(chunk)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_follows_the_stream_cannot_fill_the_memory(encoding: str) -> None:
    """Bytes after the end of the compressed stream are refused or dropped, but never collected."""
    collector = BodyCollector(encoding, 1000)
    collector.feed(ENCODERS[encoding](b"[]"))
    chunk = bytes(64 * 1024)
    tracemalloc.start()
    try:
        with contextlib.suppress(PermanentError):
            feed(collector, [chunk] * 64)
        assert tracemalloc.get_traced_memory()[0] < MIB
    finally:
        tracemalloc.stop()


def test_gzip_of_several_members_is_read_to_its_end() -> None:
    """All members of a gzip stream are read (RFC 1952, section 2.2)."""
    body = gzipped(TEXT) + gzipped(b"and more")
    for size in (1, 13, 10_000):
        assert collect(in_pieces(body, size), "gzip") == TEXT + b"and more"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_truncated_stream_is_transient(encoding: str) -> None:
    """A compressed body that is cut off at any byte, including its header and trailer, is a transient error."""
    whole = ENCODERS[encoding](TEXT)
    kept_silently = []
    for length in range(1, len(whole)):
        with contextlib.suppress(TransientError):
            kept_silently.append((length, collect([whole[:length]], encoding)))
    assert kept_silently == []


@pytest.mark.parametrize(
    "body",
    [
        b"<html>no gzip at all</html>",
        TEXT,
        gzipped(TEXT)[:-8] + bytes(8),  # wrong checksum and length
        gzipped(TEXT)[:30] + b"\xff" * 20 + gzipped(TEXT)[50:],
        b"\x1f\x8b\x09" + gzipped(TEXT)[3:],  # no such method
    ],
)
def test_corrupt_stream_is_permanent(body: bytes) -> None:
    """A body that is declared as gzip but is not, or fails its checksum, is a permanent error."""
    with pytest.raises(PermanentError, match="not valid gzip"):
        collect(in_pieces(body, 16), "gzip")


@given(
    body=st.one_of(st.binary(max_size=2000), st.binary(min_size=1, max_size=8).map(lambda piece: piece * 3000)),
    encoding=st.sampled_from(list(ENCODERS)),
    seed=st.integers(),
)
def test_any_bytes_in_any_pieces_survive(body: bytes, encoding: str | None, seed: int) -> None:
    """Any body, in any encoding and any chunks, arrives byte for byte."""
    wire = ENCODERS[encoding](body)
    rng = random.Random(seed)
    cuts = sorted(rng.choices(range(len(wire) + 1), k=rng.randrange(10)))
    pieces = [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    assert collect(pieces, encoding, max_bytes=max(1, len(body))) == body


@given(st.lists(st.binary(max_size=200), max_size=5), st.sampled_from(["gzip", "deflate", None]), st.integers(1, 300))
def test_any_garbage_is_a_body_or_an_error_of_ours(chunks: list[bytes], encoding: str | None, max_bytes: int) -> None:
    """For any bytes, the collector returns at most the cap, or raises one of our errors."""
    with contextlib.suppress(PermanentError, TransientError):
        assert len(collect(chunks, encoding, max_bytes)) <= max_bytes


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_padding_after_the_stream_is_dropped(encoding: str) -> None:
    """Zeros or other bytes after a complete stream, which some servers send, are ignored."""
    for padding in (bytes(512), b"\r\n", b"trailer \x1f"):
        for size in (1, 7, 10_000):
            assert collect(in_pieces(ENCODERS[encoding](TEXT) + padding, size), encoding) == TEXT
